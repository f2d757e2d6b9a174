#!lua flags=no-writes
-- Tells the time by the server that holds a key.
-- KEYS    1 key: it only says which server of a cluster is meant
-- ARGV    none
-- Returns { Unix seconds, microseconds of the second }
-- Invariant: nothing is written, nothing is read.
return redis.call('TIME')

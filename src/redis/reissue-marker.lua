#!lua
-- Re-issues a marker that is not there.
-- KEYS    1 marker
-- ARGV    1 value   2 expiry from now, ms (at least 1)
-- Returns 1 done, 0 refused
-- Invariant: an existing marker is never overwritten; nothing is written without an expiry.
return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX') and 1 or 0

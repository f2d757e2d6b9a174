#!lua flags=no-writes
-- Measures the open-claims index by this server's clock.
-- KEYS    1 open-claims index
-- ARGV    none
-- Returns { Unix ms, entries, score of the oldest or nil }
-- Invariant: nothing is written, and no more than one entry is read.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return { now, redis.call('ZCARD', KEYS[1]), oldest[2] or false }

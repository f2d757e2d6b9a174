#!lua flags=no-writes
-- Reads the entries of the open-claims index that have some age by this server's clock, oldest first.
-- KEYS    1 open-claims index
-- ARGV    1 least age, ms   2 entries to pass over   3 entries at most
-- Returns { Unix ms, { member, score, ... } }
-- Invariant: nothing is written.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1], 'WITHSCORES', 'LIMIT', ARGV[2], ARGV[3])
return { now, found }

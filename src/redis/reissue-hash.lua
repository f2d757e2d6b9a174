#!lua
-- Re-issues a marker that is a field of a hash, and not there.
-- KEYS    1 marker
-- ARGV    1 not after, Unix ms by this server's clock   2 value   3 expiry from now, ms (at least 1)   4 field
-- Returns 1 done, 0 refused
-- Invariant: a key that is there is never written to; nothing is written without an expiry; nothing is done once the
-- caller has given up.
local clock = redis.call('TIME')
if clock[1] * 1000 + clock[2] / 1000 > tonumber(ARGV[1]) then return 0 end
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], ARGV[4], ARGV[2])
return redis.call('PEXPIRE', KEYS[1], ARGV[3])

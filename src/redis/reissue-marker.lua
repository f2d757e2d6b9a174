#!lua
-- Re-issues a marker that is not there.
-- KEYS    1 marker
-- ARGV    1 not after, Unix ms by this server's clock   2 value   3 expiry from now, ms (at least 1)
-- Returns 1 done, 0 refused
-- Invariant: an existing marker is never overwritten; nothing is written without an expiry; nothing is done once the
-- caller has given up.
local clock = redis.call('TIME')
if clock[1] * 1000 + clock[2] / 1000 > tonumber(ARGV[1]) then return 0 end
return redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3], 'NX') and 1 or 0

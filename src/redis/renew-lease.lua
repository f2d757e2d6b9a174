-- Makes a lease last for another TTL if it is still the caller's.
-- KEYS    1 lease
-- ARGV    1 value   2 TTL, ms
-- Returns 1 renewed, 0 no such key, -1 another's
-- Invariant: a lease that is gone is never made again; another's is never extended.
-- A key of another type counts as another's. Works when memory is full.
local current = redis.pcall('GET', KEYS[1])
if not current then return 0 end
if current ~= ARGV[1] then return -1 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])

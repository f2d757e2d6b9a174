-- Gives a lease back if it is still the caller's.
-- KEYS    1 lease
-- ARGV    1 value
-- Returns 1 released, 0 no such key, -1 another's
-- Invariant: another's lease is never deleted.
-- A key of another type counts as another's. Works when memory is full.
local current = redis.pcall('GET', KEYS[1])
if not current then return 0 end
if current ~= ARGV[1] then return -1 end
return redis.call('DEL', KEYS[1])

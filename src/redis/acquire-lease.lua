-- Takes a lease that is free, or takes up again what an earlier attempt of the same term took without learning of it.
-- KEYS    1 lease
-- ARGV    1 term   2 number of the attempt   3 TTL, ms
-- Returns { 1 } taken, or { 0, PTTL } held by another; PTTL -1: without an expiry
-- Invariant: another term's key is never changed; nothing is written without an expiry. The value names the attempt,
-- so that a late delete or a late delivery of an earlier attempt cannot undo a later one.
local value = ARGV[1] .. '.' .. ARGV[2]
if redis.call('SET', KEYS[1], value, 'NX', 'PX', ARGV[3]) then return { 1 } end
local current = redis.pcall('GET', KEYS[1])
local earlier = type(current) == 'string' and string.sub(current, 1, #ARGV[1] + 1) == ARGV[1] .. '.'
  and tonumber(string.sub(current, #ARGV[1] + 2))
if not earlier or earlier > tonumber(ARGV[2]) then return { 0, redis.call('PTTL', KEYS[1]) } end
redis.call('SET', KEYS[1], value, 'PX', ARGV[3])
return { 1 }

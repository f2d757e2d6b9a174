#!lua
-- Stores what a rebuild brought, unless a later one was stored or the value was invalidated since it began.
-- KEYS    1 hash of the value
-- ARGV    1 number of the rebuild   2 not after, Unix ms by this server's clock   3 value
--         4 fresh for, ms   5 usable for, ms   6 least life of the hash, ms
-- Returns 1 stored, 0 refused
-- Invariant: an older rebuild never overwrites a newer one, nor what invalidated it; the hash is never left without an
-- expiry, nor is its life made shorter.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local stored = tonumber(redis.call('HGET', KEYS[1], 'stored')) or 0
if now > tonumber(ARGV[2]) or tonumber(ARGV[1]) <= stored then return 0 end
redis.call('HSET', KEYS[1], 'value', ARGV[3], 'stored', ARGV[1],
  'fresh_until', string.format('%.0f', now + ARGV[4]), 'usable_until', string.format('%.0f', now + ARGV[5]))
redis.call('HDEL', KEYS[1], 'failures', 'retry_at')
local life = math.max(tonumber(ARGV[5]), tonumber(ARGV[6]))
if redis.call('PTTL', KEYS[1]) < life then redis.call('PEXPIRE', KEYS[1], life) end
return 1

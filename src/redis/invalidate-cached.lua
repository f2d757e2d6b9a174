#!lua flags=allow-oom
-- Forgets a value, so that the next reader rebuilds it, and refuses what earlier rebuilds still bring.
-- KEYS    1 hash of the value
-- ARGV    1 least life of the hash, ms: longer than any rebuild can take
-- Returns 1
-- Invariant: no rebuild that began before is stored afterwards; the hash is never left without an expiry, nor is its
-- life made shorter.
local clock = redis.call('TIME')
local field = redis.call('HMGET', KEYS[1], 'number', 'stored')
for at = 1, 2 do field[at] = tonumber(field[at]) or 0 end
local number = math.max(field[1] + 1, field[2] + 1, clock[1] * 1000000 + clock[2])
number = string.format('%.0f', number)
redis.call('HSET', KEYS[1], 'number', number, 'stored', number)
redis.call('HDEL', KEYS[1], 'value', 'fresh_until', 'usable_until', 'failures', 'retry_at')
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return 1

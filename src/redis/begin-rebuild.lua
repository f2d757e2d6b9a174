#!lua
-- Gives a rebuild its number, unless the value is fresh by now or rebuilding it is held off.
-- KEYS    1 hash of the value
-- ARGV    1 least life of the hash, ms: longer than the rebuild can take
-- Returns { number, Unix ms }; number 0: nothing to do
-- Invariant: a number is greater than every earlier one, also when the hash was lost meanwhile: it is never below this
-- server's clock in microseconds. The hash is never left without an expiry, nor is its life made shorter.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local field = redis.call('HMGET', KEYS[1], 'number', 'stored', 'fresh_until', 'retry_at')
for at = 1, 4 do field[at] = tonumber(field[at]) or 0 end
if field[3] > now or field[4] > now then return { 0, now } end
local number = math.max(field[1] + 1, field[2] + 1, clock[1] * 1000000 + clock[2])
redis.call('HSET', KEYS[1], 'number', string.format('%.0f', number))
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return { number, now }

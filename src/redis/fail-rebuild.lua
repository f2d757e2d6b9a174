#!lua
-- Holds off the next rebuild after one that failed: for all processes, and longer with each failure in a row.
-- KEYS    1 hash of the value
-- ARGV    1 number of the rebuild   2 first wait, ms   3 longest wait, ms   4 least life of the hash, ms
-- Returns the wait in ms; 0 where a later rebuild succeeded
-- Invariant: the value that is there stays as it is; the wait is bounded; the hash is never left without an expiry, nor
-- is its life made shorter.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local stored = tonumber(redis.call('HGET', KEYS[1], 'stored')) or 0
if tonumber(ARGV[1]) <= stored then return 0 end
local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
local wait = math.min(tonumber(ARGV[3]), ARGV[2] * 2 ^ math.min(failures - 1, 20))
redis.call('HSET', KEYS[1], 'retry_at', string.format('%.0f', now + wait))
-- The count outlives the wait, or no second wait would be longer than the first.
local life = math.max(wait + ARGV[3], tonumber(ARGV[4]))
if redis.call('PTTL', KEYS[1]) < life then redis.call('PEXPIRE', KEYS[1], string.format('%.0f', life)) end
return wait

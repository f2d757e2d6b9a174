#!lua flags=no-writes
-- Reads a guarded cache's value, for how long it is good, and for how long rebuilding it is held off.
-- KEYS    1 hash of the value
-- ARGV    none
-- Returns { value or nil, fresh for ms, usable for ms, held off for ms }; 0 where that time is over
-- Invariant: nothing is written; a value is never given after its time.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local field = redis.call('HMGET', KEYS[1], 'value', 'fresh_until', 'usable_until', 'retry_at')
local function left(at) return math.max(0, (tonumber(at) or 0) - now) end
return { left(field[3]) > 0 and field[1], left(field[2]), left(field[3]), left(field[4]) }

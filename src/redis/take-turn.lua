#!lua
-- Books a stretch of time for judging claims, so that all workers together keep to a rate.
-- KEYS    1 turn: Unix ms up to which time is booked, and when that was said
-- ARGV    1 claims   2 claims a second
-- Returns ms until the booked stretch begins: for so long the caller waits
-- Invariant: stretches do not overlap, so that no second holds more than the rate, but for what was begun in it. Expires by itself.
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local booked, said = string.match(redis.call('GET', KEYS[1]) or '0 0', '(%S+) (%S+)')
-- When the clock is set back, what is booked goes back with it.
local from = math.max(now, booked - math.max(0, said - now))
local to = from + ARGV[1] * 1000 / ARGV[2]
redis.call('SET', KEYS[1], string.format('%.3f %.3f', to, now), 'PX', math.ceil(to - now) + 1)
return math.ceil(from - now)

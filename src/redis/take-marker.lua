#!lua
-- Takes a marker that is free and lists the claim in the open-claims index at the same moment, or reads who holds it.
-- KEYS    1 marker   2 open-claims index
-- ARGV    1 value   2 TTL, ms   3 member of the index   4 least life of the index, ms
-- Returns { "none" } taken, else the holder: { type }, or { "string", value, PTTL }
-- Invariant: a marker that is there is never changed; none is ever there without its entry; nothing is written without
-- an expiry. Without a deadline: what a late delivery takes is a rowless marker, listed with the time of its coming.
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'string' then return { kind, redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1]) } end
if kind ~= 'none' then return { kind } end
local clock = redis.call('TIME')
redis.call('ZADD', KEYS[2], clock[1] * 1000 + math.floor(clock[2] / 1000), ARGV[3])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[2], ARGV[4]) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return { kind }

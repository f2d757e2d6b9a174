#!lua flags=allow-oom
-- Deletes a marker that is still the caller's and takes the claim out of the open-claims index.
-- KEYS    1 marker   2 open-claims index; left out on a cluster
-- ARGV    1 not after, Unix ms by this server's clock   2 value   3 latest end of the caller's marker, likewise
--         4 member of the index
-- Returns 1 deleted, 0 not the caller's, -1 too late
-- Invariant: a marker with another value, with a later end or without an end is never touched: somebody set it again.
-- Nothing is done once the caller has given up, so that the entry stays for whoever looks next.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if now > tonumber(ARGV[1]) then return -1 end
if KEYS[2] then redis.call('ZREM', KEYS[2], ARGV[4]) end
if redis.call('TYPE', KEYS[1]).ok ~= 'string' or redis.call('GET', KEYS[1]) ~= ARGV[2] then return 0 end
local left = redis.call('PTTL', KEYS[1])
if left < 0 or now + left > tonumber(ARGV[3]) then return 0 end
return redis.call('DEL', KEYS[1])

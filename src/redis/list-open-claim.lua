#!lua
-- Lists a claim in the open-claims index before its marker is taken: on a cluster the two cannot share a script.
-- KEYS    1 open-claims index
-- ARGV    1 member   2 least life of the index, ms
-- Returns 1 listed, 0 listed anew
-- Invariant: the index is never left without an expiry, nor is its life made shorter.
local clock = redis.call('TIME')
local added = redis.call('ZADD', KEYS[1], clock[1] * 1000 + math.floor(clock[2] / 1000), ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return added

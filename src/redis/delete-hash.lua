#!lua flags=allow-oom
-- Deletes a marker that is a field of a hash, with all its fields, if it is still the one observed.
-- KEYS    1 marker
-- ARGV    1 not after, Unix ms by this server's clock   2 observed value   3 observed PTTL in ms, -1 for none   4 field
-- Returns 1 done, 0 refused
-- Invariant: a marker with another value, or with more time than observed, is never touched; nothing is done once the
-- caller has given up.
local clock = redis.call('TIME')
if clock[1] * 1000 + clock[2] / 1000 > tonumber(ARGV[1]) then return 0 end
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' or redis.call('HGET', KEYS[1], ARGV[4]) ~= ARGV[2] then return 0 end
local left, observed = redis.call('PTTL', KEYS[1]), tonumber(ARGV[3])
if observed >= 0 and (left < 0 or left > observed) then return 0 end
return redis.call('DEL', KEYS[1])

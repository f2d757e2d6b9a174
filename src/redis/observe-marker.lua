#!lua flags=no-writes
-- Reads one marker, value and expiry at one moment.
-- KEYS    1 marker
-- ARGV    none
-- Returns { type } when absent ("none") or not a string, else { "string", value, PTTL }
-- Invariant: nothing is written.
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'string' then return { kind } end
return { kind, redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1]) }

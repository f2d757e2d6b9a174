#!lua flags=no-writes
-- Reads one marker that is a field of a hash, value and expiry at one moment. The expiry is the key's.
-- KEYS    1 marker
-- ARGV    1 field
-- Returns { type } when absent ("none"), not a hash, or without the field, else { "hash", value, PTTL }
-- Invariant: nothing is written.
local kind = redis.call('TYPE', KEYS[1]).ok
local value = kind == 'hash' and redis.call('HGET', KEYS[1], ARGV[1])
if not value then return { kind } end
return { kind, value, redis.call('PTTL', KEYS[1]) }

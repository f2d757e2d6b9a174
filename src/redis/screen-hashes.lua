#!lua flags=no-writes,allow-cross-slot-keys
-- Compares a block of claims with their markers, which are fields of hashes; only the suspicious come back. Agrees with `assess`.
-- KEYS    none, or on a Cluster one of its server: the keys are packed into the block, all of them of that server
-- ARGV    1 block: messages of binary COPY, with the fields status, key, value, expiry in Unix ms (8 bytes), xid, id
--         2 now, Unix ms   3 tolerance, ms   4 "any", "value", or "attempt": what values name   5 "endless": no expiry is right
--         6 field
-- Returns { claims seen, number of a suspicious claim, ... }
-- Invariant: whatever is not certainly consistent is suspicious; a failed read is suspicious or an error, never absent.
local call, block, now, tolerance = redis.call, ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local any, sure, endless, tail = ARGV[4] == 'any', ARGV[4] == 'attempt', ARGV[5] == 'endless', '[\128-\191]'
local leads = { '[\194-\223]', '\224[\160-\191]', '[\225-\236\238\239]' .. tail, '\237[\128-\159]',
  '\240[\144-\191]' .. tail, '[\241-\243]' .. tail .. tail, '\244[\128-\143]' .. tail }
local function is_utf8(text)
  if not string.find(text, '[\128-\255]') then return true end
  for _, lead in ipairs(leads) do text = string.gsub(text, lead .. tail, '.') end
  return not string.find(text, '[\128-\255]')
end
local function suspicious(given, key, expected, due)
  -- Of another type than a hash: an error, which is no text.
  local open, value = given and due > tolerance, redis.pcall('HGET', key, ARGV[6])
  if not value then return open or call('PTTL', key) ~= -2 end
  if type(value) ~= 'string' or (any or value ~= expected) and not is_utf8(value) then return true end
  if not any and value ~= expected then return open end
  local left = call('PTTL', key)
  if left < 0 or sure and not given then return not (endless and given and left == -1) end
  local agrees = left - due <= tolerance and due - left <= tolerance
  if given then return (open or sure) and not agrees else return agrees end
end
local at, found = 1, { 0 }
while at <= #block do
  local size, fields, status, key, value, expiry = struct.unpack('>xi4i2i4c0i4c0i4c0xxxxi8', block, at)
  found[1], at = found[1] + 1, fields == 6 and at + size <= #block and at + 1 + size or error('a block is cut')
  -- The key of any other claim may be none, and one that may not be read.
  local judged = status == 'g' or status == 'r'
  if not judged or suspicious(status == 'g', key, value, expiry - now) then found[#found + 1] = found[1] end
end
return found

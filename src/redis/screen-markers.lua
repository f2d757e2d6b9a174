#!lua flags=no-writes,allow-cross-slot-keys
-- Compares a block of claims with their markers; only the suspicious come back. Agrees with `assess`.
-- KEYS    none, or on a Cluster one of its server: the keys are packed into the block, all of them of that server
-- ARGV    1 block: messages of binary COPY: status, key, value, expiry (8 bytes, Unix ms), xid, id   2 now, Unix ms   3 tolerance, ms
--         4 "any", "value", or "attempt": what values name   5 "endless": no expiry is right   6 "each" on a Cluster: a call a key
-- Returns { claims seen, number of a suspicious claim, ... }
-- Invariant: whatever is not certainly consistent is suspicious; a failed read is suspicious or an error, never absent.
local call, block, now, tolerance, tail = redis.call, ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), '[\128-\191]'
local any, sure, endless, each = ARGV[4] == 'any', ARGV[4] == 'attempt', ARGV[5] == 'endless', ARGV[6] == 'each'
local leads = { '[\194-\223]', '\224[\160-\191]', '[\225-\236\238\239]' .. tail, '\237[\128-\159]',
  '\240[\144-\191]' .. tail, '[\241-\243]' .. tail .. tail, '\244[\128-\143]' .. tail }
local function is_utf8(text)
  if not string.find(text, '[\128-\255]') then return true end
  for _, lead in ipairs(leads) do text = string.gsub(text, lead .. tail, '.') end
  return not string.find(text, '[\128-\255]')
end
local function suspicious(given, key, expected, due, value)
  local open = given and due > tolerance
  if not value then return open or call('PTTL', key) ~= -2 end
  if (any or value ~= expected) and not is_utf8(value) then return true end
  if not any and value ~= expected then return open end
  local left = call('PTTL', key)
  if left < 0 or sure and not given then return not (endless and given and left == -1) end
  local agrees = left - due <= tolerance and due - left <= tolerance
  if given then return (open or sure) and not agrees else return agrees end
end
local at, found, numbers, given, keys, values, dues = 1, { 0 }, {}, {}, {}, {}, {}
while at <= #block do
  local size, fields, status, key, value, expiry = struct.unpack('>xi4i2i4c0i4c0i4c0xxxxi8', block, at)
  found[1], at = found[1] + 1, fields == 6 and at + size <= #block and at + 1 + size or error('a block is cut')
  -- The key of any other claim may be none, and one that may not be read.
  local to = (status == 'g' or status == 'r') and numbers or found; to[#to + 1] = found[1]
  if to == numbers then given[#to], keys[#to], values[#to], dues[#to] = status == 'g', key, value, expiry - now end
end
local markers = not each and #keys > 0 and call('MGET', unpack(keys)) or {}
for n = 1, each and #keys or 0 do markers[n] = call('MGET', keys[n])[1] end
for n = 1, #keys do
  if suspicious(given[n], keys[n], values[n], dues[n], markers[n]) then found[#found + 1] = numbers[n] end
end
return found

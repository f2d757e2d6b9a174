#!lua flags=no-writes
-- Compares a block of claims with their markers; only the suspicious come back. Agrees with `assess`.
-- KEYS    none: the keys are packed into the block (standalone Redis only)
-- ARGV    1 block: messages of binary COPY, each its letter, its length, the number of fields, and fields after their lengths:
--           status, key, value, expiry in Unix ms (8 bytes), xid, id
--         2 now, Unix ms   3 tolerance, ms   4 what values say: "any", "value", or "attempt" if they name the attempt
-- Returns { claims seen, number of a suspicious claim, ... }
-- Invariant: whatever is not certainly consistent is suspicious; a failed read is suspicious or an error, never absent.
local call, block, now, tolerance = redis.call, ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local any, sure = ARGV[4] == 'any', ARGV[4] == 'attempt'
local tail = '[\128-\191]'
local leads = { '[\194-\223]', '\224[\160-\191]', '[\225-\236\238\239]' .. tail, '\237[\128-\159]',
  '\240[\144-\191]' .. tail, '[\241-\243]' .. tail .. tail, '\244[\128-\143]' .. tail }
local function is_utf8(text)
  if not string.find(text, '[\128-\255]') then return true end
  for _, lead in ipairs(leads) do text = string.gsub(text, lead .. tail, '.') end
  return not string.find(text, '[\128-\255]')
end
local function suspicious(status, key, expected, due, value)
  local open, given = due > tolerance, status == 'g'
  if not given and status ~= 'r' then return true end
  if not value then return given and open or call('PTTL', key) ~= -2 end
  if (any or value ~= expected) and not is_utf8(value) then return true end
  if not any and value ~= expected then return given and open end
  local left = call('PTTL', key)
  if left < 0 or sure and not given then return true end
  local agrees = left - due <= tolerance and due - left <= tolerance
  if given then return (open or sure) and not agrees else return agrees end
end
local lines, at, states, keys, values, dues = 0, 1, {}, {}, {}, {}
while at <= #block do
  local size, fields, status, key, value, expiry = struct.unpack('>xi4i2i4c0i4c0i4c0xxxxi8', block, at)
  lines, at = lines + 1, fields == 6 and at + size <= #block and at + 1 + size or error('a block is cut')
  states[lines], keys[lines], values[lines], dues[lines] = status, key, value, expiry - now
end
local found, markers = { lines }, call('MGET', unpack(keys))
for line = 1, lines do
  if suspicious(states[line], keys[line], values[line], dues[line], markers[line]) then found[#found + 1] = line end
end
return found

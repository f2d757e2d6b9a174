#!lua flags=no-writes
-- Compares a block of claims with their markers; only the suspicious come back. Agrees with `assess`.
-- KEYS    none: the keys are packed into the block (standalone Redis only)
-- ARGV    1 block: the inside of a JSON array, of each claim `status,key,value,expiry,xid,id,`; the value null for any
--         2 now, Unix ms   3 tolerance, ms   4 "1" if values name the attempt
-- Returns { claims seen, number of a suspicious claim, ... }
-- Invariant: whatever is not certainly consistent is suspicious; a failed read is suspicious, never absent.
local call, pcall, any = redis.call, redis.pcall, cjson.null
local claims, now, tolerance, named = cjson.decode('[' .. ARGV[1] .. '0]'), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local tail = '[\128-\191]'
local leads = { '[\194-\223]', '\224[\160-\191]', '[\225-\236\238\239]' .. tail, '\237[\128-\159]',
  '\240[\144-\191]' .. tail, '[\241-\243]' .. tail .. tail, '\244[\128-\143]' .. tail }
local function is_utf8(text)
  if not string.find(text, '[\128-\255]') then return true end
  for _, lead in ipairs(leads) do text = string.gsub(text, lead .. tail, '.') end
  return not string.find(text, '[\128-\255]')
end
local function suspicious(status, key, expected, due)
  if status ~= 'g' and status ~= 'r' then return true end
  local value, open = pcall('GET', key), due > tolerance
  if not value then return status == 'g' and open end
  if type(value) == 'table' then return true end
  if value ~= expected then
    if not is_utf8(value) then return true end
    if expected ~= any then return status == 'g' and open end
  end
  local left, sure = call('PTTL', key), named and expected ~= any
  if left < 0 or status == 'r' and sure then return true end
  local agrees = left - due <= tolerance and due - left <= tolerance
  if status == 'r' then return agrees else return (open or sure) and not agrees end
end
local found, lines = { 0 }, 0
for at = 1, #claims - 1, 6 do
  lines = lines + 1
  if suspicious(claims[at], claims[at + 1], claims[at + 2], claims[at + 3] - now) then found[#found + 1] = lines end
end
found[1] = lines
return found

-- dlmscosem.lua - DLMS/COSEM for Wireshark and tshark from 3.6 on: the wrapper (TCP and UDP 4059), HDLC and the lines of
-- IEC 62056-21 (TCP 4060 and 4061, as `magno` writes them), ACSE and xDLMS APDUs down to their data.
--
--   tshark -X lua_script:tools/wireshark/dlmscosem.lua -r FILE.pcapng -V
--
-- For good, copy it into the plugin folder (Help, About, Folders). Other ports by "Decode As", or -d tcp.port==9999,dlmscosem.
-- It has no keys: protected APDUs show their head; captures of `magno` carry the plain twins beside them.

local proto = Proto("dlmscosem", "DLMS/COSEM")
local bits = bit32 or bit

local function names(list)
  return function(v) return list[v] or string.format("unknown (%d)", v) end
end

local APDUS = {
  [0x01] = "initiate-request", [0x08] = "initiate-response", [0x0E] = "confirmed-service-error", [0x0F] = "data-notification",
  [0x10] = "data-notification-confirm", [0x21] = "glo-initiate-request", [0x28] = "glo-initiate-response",
  [0x2E] = "glo-confirmed-service-error", [0x60] = "aarq", [0x61] = "aare", [0x62] = "rlrq", [0x63] = "rlre",
  [0xC0] = "get-request", [0xC1] = "set-request", [0xC2] = "event-notification-request", [0xC3] = "action-request",
  [0xC4] = "get-response", [0xC5] = "set-response", [0xC7] = "action-response", [0xC8] = "glo-get-request",
  [0xC9] = "glo-set-request", [0xCA] = "glo-event-notification-request", [0xCB] = "glo-action-request", [0xCC] = "glo-get-response",
  [0xCD] = "glo-set-response", [0xCF] = "glo-action-response", [0xD0] = "ded-get-request", [0xD1] = "ded-set-request",
  [0xD2] = "ded-event-notification-request", [0xD3] = "ded-action-request", [0xD4] = "ded-get-response", [0xD5] = "ded-set-response",
  [0xD7] = "ded-action-response", [0xD8] = "exception-response", [0xD9] = "access-request", [0xDA] = "access-response",
  [0xDB] = "general-glo-ciphering", [0xDC] = "general-ded-ciphering", [0xDD] = "general-ciphering", [0xDF] = "general-signing",
  [0xE0] = "general-block-transfer",
}
local CHOICES = {
  [0xC0] = { "normal", "next", "with-list" },
  [0xC1] = { "normal", "first-block", "block", "with-list", "with-list-first-block" },
  [0xC3] = { "normal", "next-block", "with-list", "first-block", "with-list-first-block", "block" },
  [0xC4] = { "normal", "block", "with-list" },
  [0xC5] = { "normal", "block", "last-block", "last-block-with-list", "with-list" },
  [0xC7] = { "normal", "block", "with-list", "next-block" },
}
local RESULTS = {
  [0] = "success", "hardware-fault", "temporary-failure", "read-write-denied", "object-undefined", [9] = "object-class-inconsistent",
  [11] = "object-unavailable", [12] = "type-unmatched", [13] = "scope-of-access-violated", [14] = "data-block-unavailable",
  [15] = "long-get-or-action-aborted", [16] = "no-long-get-or-action-in-progress", [17] = "long-set-aborted",
  [18] = "no-long-set-in-progress", [19] = "data-block-number-invalid", [250] = "other-reason",
}
local STATES = { "service-not-allowed", "service-unknown" }
local REASONS = { "operation-not-possible", "service-not-supported", "other-reason", "pdu-too-long", "deciphering-error",
  "invocation-counter-error" }
local TYPES = { -- name, octets, how an integer is read
  [0] = { "null-data", 0 }, [3] = { "boolean", 1, "uint" }, [5] = { "double-long", 4, "int" }, [6] = { "double-long-unsigned", 4, "uint" },
  [13] = { "bcd", 1, "uint" }, [15] = { "integer", 1, "int" }, [16] = { "long", 2, "int" }, [17] = { "unsigned", 1, "uint" },
  [18] = { "long-unsigned", 2, "uint" }, [20] = { "long64", 8, "int64" }, [21] = { "long64-unsigned", 8, "uint64" },
  [22] = { "enum", 1, "uint" }, [23] = { "float32", 4, "float" }, [24] = { "float64", 8, "float" }, [25] = { "date-time", 12 },
  [26] = { "date", 5 }, [27] = { "time", 4 }, [28] = { "delta-integer", 1, "int" }, [29] = { "delta-long", 2, "int" },
  [30] = { "delta-double-long", 4, "int" }, [31] = { "delta-unsigned", 1, "uint" }, [32] = { "delta-long-unsigned", 2, "uint" },
  [33] = { "delta-double-long-unsigned", 4, "uint" }, [255] = { "dont-care", 0 },
}
local STRINGS = { [4] = "bit-string", [9] = "octet-string", [10] = "visible-string", [12] = "utf8-string" }

local f = {
  source = ProtoField.uint16("dlmscosem.wrapper.source", "Source wPort"),
  destination = ProtoField.uint16("dlmscosem.wrapper.destination", "Destination wPort"),
  frame = ProtoField.string("dlmscosem.hdlc.frame", "HDLC frame"),
  hdlc_dst = ProtoField.string("dlmscosem.hdlc.dst", "Destination"),
  hdlc_src = ProtoField.string("dlmscosem.hdlc.src", "Source"),
  segmented = ProtoField.bool("dlmscosem.hdlc.segmented", "Segmented"),
  ns = ProtoField.uint8("dlmscosem.hdlc.ns", "N(S)"),
  nr = ProtoField.uint8("dlmscosem.hdlc.nr", "N(R)"),
  pf = ProtoField.bool("dlmscosem.hdlc.pf", "Poll/final"),
  hcs = ProtoField.bool("dlmscosem.hdlc.hcs_good", "HCS good"),
  fcs = ProtoField.bool("dlmscosem.hdlc.fcs_good", "FCS good"),
  parameter = ProtoField.string("dlmscosem.hdlc.parameter", "Parameter"),
  line = ProtoField.string("dlmscosem.line", "IEC 62056-21"),
  apdu = ProtoField.string("dlmscosem.apdu", "APDU"),
  choice = ProtoField.string("dlmscosem.choice", "Choice"),
  invoke = ProtoField.uint32("dlmscosem.invoke", "Invoke-id and priority", base.HEX),
  class = ProtoField.uint16("dlmscosem.class", "Class"),
  obis = ProtoField.string("dlmscosem.obis", "Logical name"),
  attribute = ProtoField.uint8("dlmscosem.attribute", "Attribute or method"),
  selector = ProtoField.uint8("dlmscosem.selector", "Access selector"),
  last = ProtoField.bool("dlmscosem.block.last", "Last block"),
  number = ProtoField.uint32("dlmscosem.block.number", "Block number"),
  block = ProtoField.bytes("dlmscosem.block.data", "Block"),
  result = ProtoField.string("dlmscosem.result", "Result"),
  data = ProtoField.string("dlmscosem.data", "Data"),
  title = ProtoField.bytes("dlmscosem.title", "System title"),
  control = ProtoField.string("dlmscosem.security", "Security control"),
  counter = ProtoField.uint32("dlmscosem.counter", "Invocation counter"),
  text = ProtoField.bytes("dlmscosem.ciphertext", "Protected octets"),
  octets = ProtoField.bytes("dlmscosem.octets", "Octets"),
  context = ProtoField.uint8("dlmscosem.acse.context", "Application context"),
  mechanism = ProtoField.uint8("dlmscosem.acse.mechanism", "Mechanism"),
  acse_result = ProtoField.uint8("dlmscosem.acse.result", "Association result"),
  diagnostic = ProtoField.uint8("dlmscosem.acse.diagnostic", "Diagnostic"),
  conformance = ProtoField.uint24("dlmscosem.conformance", "Conformance", base.HEX),
  pdu = ProtoField.uint16("dlmscosem.max_pdu", "Max PDU size"),
}
proto.fields = f
local broken = ProtoExpert.new("dlmscosem.broken", "Broken", expert.group.MALFORMED, expert.severity.ERROR)
proto.experts = { broken }

-- A place in octets; reading behind their end is an error that `guarded` shows.
local function cursor(tvb, at) return { tvb = tvb, at = at or 0 } end
local function take(c, n)
  if c.at + n > c.tvb:len() then error("ends too early") end
  local r = c.tvb(c.at, n)
  c.at = c.at + n
  return r
end
local function u8(c) return take(c, 1):uint() end
local function length(c)
  local n = u8(c)
  if n < 128 then return n end
  if n == 128 or n > 132 then error("length of a length") end
  return take(c, n - 128):uint()
end
local function rest(c) return c.tvb:len() - c.at end
local function add_rest(tree, field, c) if rest(c) > 0 then tree:add(field, take(c, rest(c))) end end
local function hex(r) return r:len() > 0 and r:bytes():tohex() or "" end
local function guarded(tree, what, ...)
  local good, why = pcall(what, ...)
  if not good then tree:add_proto_expert_info(broken, tostring(why):gsub("^.*: ", "")) end
end

-- -- data ---------------------------------------------------------------------------------------------------------------

local data
local function elements(tree, c, name, n, depth)
  local node = tree:add(f.data, c.tvb(c.at, 0), string.format("%s of %d", name, n))
  for _ = 1, n do data(node, c, depth + 1) end
end
function data(tree, c, depth)
  if depth > 16 then error("too deep") end
  local from = c.at
  local tag = u8(c)
  local t, s = TYPES[tag], STRINGS[tag]
  if t then
    local r = take(c, t[2])
    local v = ""
    if t[3] then v = " " .. tostring(r[t[3]](r)) elseif t[2] > 0 then v = " " .. hex(r) end
    tree:add(f.data, c.tvb(from, c.at - from), t[1] .. v)
  elseif s then
    local n = length(c)
    if tag == 4 then n = math.floor((n + 7) / 8) end
    local r = n > 0 and take(c, n) or nil
    local v = r and ((tag == 10 or tag == 12) and r:string() or hex(r)) or ""
    tree:add(f.data, c.tvb(from, c.at - from), s .. " " .. v)
  elseif tag == 1 then elements(tree, c, "array", length(c), depth)
  elseif tag == 2 then elements(tree, c, "structure", length(c), depth)
  elseif tag == 19 then
    local function shape(at) -- the description: a type, an array's count and type, a structure's types
      if at > 16 then error("too deep") end
      local k = u8(c)
      if k == 1 then take(c, 2) shape(at + 1) elseif k == 2 then for _ = 1, length(c) do shape(at + 1) end end
    end
    shape(depth)
    local n = length(c)
    take(c, n)
    tree:add(f.data, c.tvb(from, c.at - from), string.format("compact-array, %d octets", n))
  else
    error(string.format("no data begins with %02X", tag))
  end
end

-- -- services -----------------------------------------------------------------------------------------------------------

local function descriptor(tree, c, note)
  tree:add(f.class, take(c, 2))
  local r = take(c, 6)
  local b = r:bytes()
  local text = string.format("%d-%d:%d.%d.%d.%d", b:get_index(0), b:get_index(1), b:get_index(2), b:get_index(3), b:get_index(4),
    b:get_index(5))
  tree:add(f.obis, r, text)
  local a = take(c, 1)
  tree:add(f.attribute, a)
  note(text .. " " .. a:int())
end
local function selection(tree, c)
  if u8(c) == 0 then return end
  tree:add(f.selector, take(c, 1))
  data(tree, c, 0)
end
local function result(tree, c, note)
  local r = take(c, 1)
  local text = RESULTS[r:uint()] or tostring(r:uint())
  tree:add(f.result, r, text)
  note(text)
end
local function data_or_result(tree, c, note)
  if u8(c) == 0 then data(tree, c, 0) else result(tree, c, note) end
end
local function block(tree, c, with_last)
  if with_last then tree:add(f.last, take(c, 1)) end
  tree:add(f.number, take(c, 4))
end
local function octets(tree, c)
  local n = length(c)
  if n > 0 then tree:add(f.block, take(c, n)) end
end
local function many(c, each, ...) for _ = 1, length(c) do each(...) end end
local function described(tree, c, note) descriptor(tree, c, note) selection(tree, c) end
local function action_result(tree, c, note)
  result(tree, c, note)
  if u8(c) == 1 then data_or_result(tree, c, note) end
end

-- what follows the invoke-id, by tag and choice
local BODIES = {
  [0xC0] = { described, block, function(t, c, note) many(c, described, t, c, note) end },
  [0xC1] = {
    function(t, c, note) described(t, c, note) data(t, c, 0) end,
    function(t, c, note) described(t, c, note) block(t, c, true) octets(t, c) end,
    function(t, c) block(t, c, true) octets(t, c) end,
    function(t, c, note) many(c, described, t, c, note) many(c, data, t, c, 0) end,
    function(t, c, note) many(c, described, t, c, note) block(t, c, true) octets(t, c) end,
  },
  [0xC3] = {
    function(t, c, note) descriptor(t, c, note) if u8(c) == 1 then data(t, c, 0) end end,
    block,
    function(t, c, note) many(c, descriptor, t, c, note) many(c, data, t, c, 0) end,
    function(t, c, note) descriptor(t, c, note) block(t, c, true) octets(t, c) end,
    function(t, c, note) many(c, descriptor, t, c, note) block(t, c, true) octets(t, c) end,
    function(t, c) block(t, c, true) octets(t, c) end,
  },
  [0xC4] = {
    data_or_result,
    function(t, c, note) block(t, c, true) if u8(c) == 0 then octets(t, c) else result(t, c, note) end end,
    function(t, c, note) many(c, data_or_result, t, c, note) end,
  },
  [0xC5] = {
    result, block,
    function(t, c, note) result(t, c, note) block(t, c) end,
    function(t, c, note) many(c, result, t, c, note) block(t, c) end,
    function(t, c, note) many(c, result, t, c, note) end,
  },
  [0xC7] = {
    action_result,
    function(t, c) block(t, c, true) octets(t, c) end,
    function(t, c, note) many(c, action_result, t, c, note) end,
    block,
  },
}
-- block is given the note, which is not false: GET-next and its kin have no last-block octet
for _, choices in pairs(BODIES) do
  for i, body in pairs(choices) do
    if body == block then choices[i] = function(t, c) block(t, c, false) end end
  end
end

local function access_request(tree, c, note)
  tree:add(f.invoke, take(c, 4))
  octets(tree, c)
  many(c, function()
    local kind = u8(c)
    descriptor(tree, c, note)
    if kind >= 4 then tree:add(f.selector, take(c, 1)) data(tree, c, 0) end
  end)
  many(c, data, tree, c, 0)
end
local function access_response(tree, c, note)
  tree:add(f.invoke, take(c, 4))
  octets(tree, c)
  if u8(c) == 1 then
    many(c, function()
      local kind = u8(c)
      descriptor(tree, c, note)
      if kind >= 4 then tree:add(f.selector, take(c, 1)) data(tree, c, 0) end
    end)
  end
  many(c, data, tree, c, 0)
  many(c, function() u8(c) result(tree, c, note) end)
end

local function protected(tree, c)
  local r = take(c, 1)
  local v = r:uint()
  tree:add(f.control, r, string.format("%02X suite %d%s%s%s%s", v, v % 16, bits.band(v, 0x10) > 0 and ", authenticated" or "",
    bits.band(v, 0x20) > 0 and ", encrypted" or "", bits.band(v, 0x40) > 0 and ", broadcast key" or "",
    bits.band(v, 0x80) > 0 and ", compressed" or ""))
  tree:add(f.counter, take(c, 4))
  add_rest(tree, f.text, c)
end

local apdu
local SPECIAL = {
  [0x01] = function(t, c)
    if u8(c) == 1 then t:add(f.octets, take(c, length(c))) end -- dedicated key
    if u8(c) == 1 then u8(c) end
    if u8(c) == 1 then u8(c) end
    u8(c)
    take(c, 4)
    t:add(f.conformance, take(c, 3))
    t:add(f.pdu, take(c, 2))
  end,
  [0x08] = function(t, c)
    if u8(c) == 1 then u8(c) end
    u8(c)
    take(c, 4)
    t:add(f.conformance, take(c, 3))
    t:add(f.pdu, take(c, 2))
    take(c, 2)
  end,
  [0x0E] = function(t, c) t:add(f.octets, take(c, 3)) end,
  [0x0F] = function(t, c) t:add(f.invoke, take(c, 4)) octets(t, c) data(t, c, 0) end,
  [0x10] = function(t, c) t:add(f.invoke, take(c, 4)) octets(t, c) end,
  [0xC2] = function(t, c, note) if u8(c) == 1 then octets(t, c) end descriptor(t, c, note) data(t, c, 0) end,
  [0xD8] = function(t, c, note)
    local s, r = take(c, 1), take(c, 1)
    local text = names(STATES)(s:uint()) .. ", " .. names(REASONS)(r:uint())
    t:add(f.result, s, text)
    note(text)
    if r:uint() == 6 then t:add(f.counter, take(c, 4)) end
  end,
  [0xD9] = access_request,
  [0xDA] = access_response,
  [0xDD] = function(t, c) add_rest(t, f.text, c) end,
  [0xDF] = function(t, c) add_rest(t, f.text, c) end,
  [0xE0] = function(t, c)
    local r = take(c, 1)
    t:add(f.last, r, r:uint() >= 128)
    t:add(f.number, take(c, 2))
    take(c, 2)
    octets(t, c)
  end,
}
local function general(t, c) -- DB, DC: a title and a container
  local n = length(c)
  if n > 0 then t:add(f.title, take(c, n)) end
  length(c)
  protected(t, c)
end
SPECIAL[0xDB], SPECIAL[0xDC] = general, general

-- -- association --------------------------------------------------------------------------------------------------------

local function acse(tree, c, note, tag)
  local n = length(c)
  local finish = c.at + n
  if finish > c.tvb:len() then error("ends too early") end
  while c.at < finish do
    local t = u8(c)
    local r = take(c, length(c))
    local last = r:len() > 0 and r(r:len() - 1, 1)
    if t == 0xA1 then tree:add(f.context, last)
    elseif t == 0x89 or t == 0x8B then tree:add(f.mechanism, last)
    elseif t == 0xA2 and tag == 0x61 then tree:add(f.acse_result, last) note(last:uint() == 0 and "accepted" or "rejected")
    elseif t == 0xA3 and tag == 0x61 then tree:add(f.diagnostic, last)
    elseif (t == 0xA6 and tag == 0x60) or (t == 0xA4 and tag == 0x61) then tree:add(f.title, r(2))
    elseif t == 0xBE then apdu(tree, r(2):tvb(), note, true) -- behind the 04 and its length, short here
    end
  end
end

function apdu(tree, tvb, note, inside)
  local c = cursor(tvb)
  local tag = u8(c)
  local name = APDUS[tag]
  if not name then error(string.format("no APDU begins with %02X", tag)) end
  local node = tree:add(f.apdu, tvb(), name)
  if not inside then note(name) end
  local special = SPECIAL[tag]
  if tag >= 0x60 and tag <= 0x63 then
    guarded(node, acse, node, c, note, tag)
  elseif special then
    guarded(node, special, node, c, note)
  elseif BODIES[tag] then
    local r = take(c, 1)
    local choice = CHOICES[tag][r:uint()]
    if not choice then error("no such choice") end
    node:add(f.choice, r, choice)
    node:add(f.invoke, take(c, 1))
    guarded(node, BODIES[tag][r:uint()], node, c, note)
  else -- glo- and ded- of one service
    guarded(node, function() length(c) protected(node, c) end)
  end
  if rest(c) > 0 and not (tag >= 0x60 and tag <= 0x63) then node:add(f.octets, take(c, rest(c))) end
end

-- -- HDLC ---------------------------------------------------------------------------------------------------------------

local function crc_good(r) -- X.25 over everything and its own two octets leaves F0B8
  local crc, b = 0xFFFF, r:bytes()
  for i = 0, b:len() - 1 do
    crc = bits.bxor(crc, b:get_index(i))
    for _ = 1, 8 do
      local low = bits.band(crc, 1)
      crc = bits.rshift(crc, 1)
      if low == 1 then crc = bits.bxor(crc, 0x8408) end
    end
  end
  return crc == 0xF0B8
end

local ways, wholes = {}, {} -- by direction: segments so far; by frame and place: the APDU that was put together
function proto.init() ways, wholes = {}, {} end

local function address(tree, field, c)
  local from, v = c.at, {}
  repeat v[#v + 1] = u8(c) until v[#v] % 2 == 1 or #v == 4
  local half = #v == 4 and 2 or 1
  local function part(i, n)
    local x = 0
    for k = i, i + n - 1 do x = x * 128 + math.floor(v[k] / 2) end
    return x
  end
  local text = #v == 1 and tostring(part(1, 1)) or string.format("%d/%d", part(1, half), part(1 + half, half))
  tree:add(field, c.tvb(from, c.at - from), text)
end

local UNNUMBERED = { [0x83] = "SNRM", [0x63] = "UA", [0x43] = "DISC", [0x0F] = "DM", [0x87] = "FRMR", [0x03] = "UI" }
local SUPERVISORY = { [0] = "RR", "RNR", "REJ", "SREJ" }

local function parameters(tree, c)
  if rest(c) < 3 then return end
  take(c, 3)
  local what = { [5] = "information transmit", [6] = "information receive", [7] = "window transmit", [8] = "window receive" }
  while rest(c) >= 2 do
    local id, n = u8(c), u8(c)
    local r = take(c, n)
    tree:add(f.parameter, r, string.format("%s %d", what[id] or id, n <= 4 and r:uint() or 0))
  end
end

-- The APDU whose last segment this is, or nil; each frame is looked at once in order and remembered.
local function put_together(info, segmented, ns, pinfo, way, key)
  if not pinfo.visited then
    local s = ways[way]
    local b = info:bytes()
    local llc = b:len() >= 3 and b:get_index(0) == 0xE6 and (b:get_index(1) == 0xE6 or b:get_index(1) == 0xE7)
    if s and s.ns == ns and not llc then s.bytes:append(b) elseif llc then s = { bytes = b } else return nil end
    s.ns = (ns + 1) % 8
    ways[way] = s
    if not segmented then
      wholes[key] = s.bytes
      ways[way] = nil
    end
  end
  return wholes[key]
end

local function hdlc_frame(tree, tvb, pinfo, note, key)
  local c = cursor(tvb)
  local format = take(c, 2):uint()
  local segmented = bits.band(format, 0x800) > 0
  local node = tree:add(proto, tvb(), "HDLC frame")
  node:add(f.segmented, tvb(0, 2), segmented)
  address(node, f.hdlc_dst, c)
  address(node, f.hdlc_src, c)
  local r = take(c, 1)
  local v = r:uint()
  local kind = bits.band(v, 0xEF)
  local name
  if v % 2 == 0 then
    name = "I"
    node:add(f.ns, r, bits.rshift(bits.band(v, 0x0E), 1))
    node:add(f.nr, r, bits.rshift(v, 5))
  elseif v % 4 == 1 then
    name = SUPERVISORY[bits.rshift(bits.band(v, 0x0C), 2)]
    node:add(f.nr, r, bits.rshift(v, 5))
  else
    name = UNNUMBERED[kind] or "unknown"
  end
  node:add(f.frame, r, name)
  node:add(f.pf, r, bits.band(v, 0x10) > 0)
  local head = c.at
  local has_info = tvb:len() - head > 2
  if has_info then
    node:add(f.hcs, tvb(head, 2), crc_good(tvb(0, head + 2)))
    head = head + 2
  end
  node:add(f.fcs, tvb(tvb:len() - 2, 2), crc_good(tvb()))
  if not has_info or name == "I" and segmented then note(name) end
  if not has_info then return end
  local info = tvb(head, tvb:len() - 2 - head)
  if kind == 0x83 or kind == 0x63 then
    note(name)
    guarded(node, parameters, node, cursor(info:tvb()))
  elseif name == "I" then
    local way = tostring(pinfo.src) .. pinfo.src_port .. tostring(pinfo.dst) .. pinfo.dst_port .. tostring(tvb(2, 1):uint())
    local whole = put_together(info, segmented, bits.rshift(bits.band(v, 0x0E), 1), pinfo, way, key)
    if whole and not segmented then guarded(node, apdu, node, ByteArray.tvb(whole:subset(3, whole:len() - 3), "APDU"), note) end
  elseif kind == 0x03 and info:len() > 3 then
    guarded(node, apdu, node, info(3):tvb(), note)
  else
    node:add(f.octets, info)
  end
end

-- -- what carries -------------------------------------------------------------------------------------------------------

-- Each returns the octets it used, 0 when it needs more.
local function wrapper(tvb, tree, note)
  if tvb:len() < 8 then return 0 end
  local n = tvb(6, 2):uint()
  if tvb:len() < 8 + n then return 0 end
  local node = tree:add(proto, tvb(0, 8 + n), "DLMS wrapper")
  node:add(f.source, tvb(2, 2))
  node:add(f.destination, tvb(4, 2))
  if n > 0 then guarded(node, apdu, node, tvb(8, n):tvb(), note) end
  return 8 + n
end
local function hdlc(tvb, tree, pinfo, note, at)
  if tvb:len() < 3 then return 0 end
  if tvb(1, 1):uint() == 0x7E then return 1 end -- fill, or the flag that closed the last frame
  local n = bits.band(tvb(1, 2):uint(), 0x7FF)
  if bits.band(tvb(1, 1):uint(), 0xF0) ~= 0xA0 or n < 7 then
    tree:add_proto_expert_info(broken, "no HDLC frame")
    return tvb:len()
  end
  if tvb:len() < n + 2 then return 0 end
  guarded(tree, hdlc_frame, tree, tvb(1, n):tvb(), pinfo, note, pinfo.number .. ":" .. at)
  return n + 1 -- the closing flag may open the next frame
end
local function line(tvb, tree, note)
  local text = ""
  for i = 0, tvb:len() - 1 do
    local v = bits.band(tvb(i, 1):uint(), 0x7F)
    if v == 10 then
      tree:add(proto, tvb(0, i + 1), "IEC 62056-21"):add(f.line, tvb(0, i + 1), text)
      note(text)
      return i + 1
    end
    if v >= 32 then text = text .. string.char(v) end
  end
  return 0
end

function proto.dissector(tvb, pinfo, tree)
  pinfo.cols.protocol = "DLMS"
  local said = {}
  local function note(text) if #said < 8 then said[#said + 1] = text end end
  local at = 0
  while at < tvb:len() do
    local part = tvb(at):tvb()
    local first = part(0, 1):uint()
    local used
    if first == 0x7E then
      if part:len() == 1 and at > 0 then break end -- closed
      used = hdlc(part, tree, pinfo, note, at)
    elseif first == 0 then used = wrapper(part, tree, note)
    else used = line(part, tree, note)
    end
    if used == 0 then
      if not pinfo.can_desegment or pinfo.can_desegment == 0 then
        tree:add(proto, part()):add_proto_expert_info(broken, "cut short")
        break
      end
      pinfo.desegment_offset = at
      pinfo.desegment_len = DESEGMENT_ONE_MORE_SEGMENT
      break
    end
    at = at + used
  end
  if #said > 0 then pinfo.cols.info = table.concat(said, " ") end
end

DissectorTable.get("udp.port"):add(4059, proto)
for _, port in ipairs({ 4059, 4060, 4061 }) do DissectorTable.get("tcp.port"):add(port, proto) end

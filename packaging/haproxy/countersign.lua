-- SPDX-License-Identifier: Apache-2.0
--
-- Has HAProxy ask Countersign about each request: docs/guides/haproxy.md says how it is used.
--
--   lua-load-per-thread /etc/haproxy/countersign.lua
--   http-request lua.countersign 127.0.0.1:8420
--
-- Its word is where Countersign answers questions: `unix@/run/countersign/verify.sock` for a socket. In the environment
-- of HAProxy, COUNTERSIGN_PROXY_SECRET is what Countersign is shown, and COUNTERSIGN_FURTHER_HEADERS (names with commas
-- between them) are the names that you gave identity headers besides (`headers` of a resource).
--
-- Security: txn.countersign_allowed becomes true in one line alone, after a whole answer of 200. HAProxy goes on after a
-- script that failed: it is the configuration that refuses whatever lacks this variable.

local secret = os.getenv("COUNTERSIGN_PROXY_SECRET")
if secret == "" then secret = nil end

local further_headers = {}
for name in (os.getenv("COUNTERSIGN_FURTHER_HEADERS") or ""):gmatch("[^, ]+") do
  further_headers[#further_headers + 1] = name
end

-- HAProxy asks four times before it gives up.
local TIMEOUT_MS = 2000

-- Countersign always sends all of these. An answer that lacks one is none.
local IDENTITY_HEADERS = {
  "Remote-User",
  "Remote-Name",
  "Remote-Email",
  "Remote-Groups",
  "Remote-Principal",
  "Remote-Client",
  "Remote-Roles",
  "Remote-Scopes",
  "Remote-Project",
  "Remote-Credential",
  "Countersign-Expires",
  "Countersign-Assertion",
}

-- They belong to the connection or to the body, and the question has one of its own and none.
local NOT_ASKED_WITH = {
  ["accept-encoding"] = true,
  ["connection"] = true,
  ["content-length"] = true,
  ["expect"] = true,
  ["host"] = true,
  ["keep-alive"] = true,
  ["te"] = true,
  ["trailer"] = true,
  ["transfer-encoding"] = true,
  ["upgrade"] = true,
}

-- Of a refusal, what a caller needs.
local REFUSAL_HEADERS = {
  "www-authenticate",
  "countersign-decision",
  "content-type",
  "cache-control",
  "retry-after",
  "location",
}

-- HAProxy counts the values of a header from 0, those of its own HTTP client from 1.
local function values(list)
  local all = {}
  if list[0] ~= nil then all[1] = list[0] end
  for _, value in ipairs(list) do all[#all + 1] = value end
  return all
end

local function question(txn)
  local asked = {}
  for name, list in pairs(txn.http:req_get_headers()) do
    if not NOT_ASKED_WITH[name:lower()] then asked[name] = values(list) end
  end
  asked["x-forwarded-method"] = { txn.sf:method() }
  asked["x-forwarded-proto"] = { txn.f:ssl_fc() == 1 and "https" or "http" }
  asked["x-forwarded-host"] = { txn.sf:req_fhdr("host") }
  -- What the configuration wants to be asked about in place of the target, if it says so.
  asked["x-forwarded-uri"] = { txn:get_var("txn.countersign_asked") or txn.sf:pathq() }
  asked["x-forwarded-for"] = { txn.sf:src() }
  asked["countersign-proxy-secret"] = secret and { secret } or nil
  return asked
end

local function refuse(txn, answer)
  local reply = txn:reply({ status = answer.status, reason = answer.reason })
  for _, name in ipairs(REFUSAL_HEADERS) do
    for _, value in ipairs(values(answer.headers[name] or {})) do reply:add_header(name, value) end
  end
  reply:set_body(answer.body or "")
  txn:done(reply)
end

local function unavailable(txn)
  refuse(txn, {
    status = 503,
    reason = "Service Unavailable",
    headers = { ["content-type"] = { "text/plain; charset=utf-8" }, ["cache-control"] = { "no-store" } },
    body = "Whether this request may pass cannot be told at the moment.\n",
  })
end

-- Whether the request has these headers now: HAProxy leaves one out without a word where its buffer is full of the body.
local function carries(txn, told)
  local headers = txn.http:req_get_headers()
  for name, value in pairs(told) do
    local list = values(headers[name:lower()] or {})
    if #list ~= 1 or list[1] ~= value then return false end
  end
  return true
end

-- Any name does for Host where there is none.
local function url_at(address)
  return "http://" .. (address:find("@", 1, true) and "countersign" or address) .. "/verify/forward"
end

core.register_action("countersign", { "http-req" }, function(txn, address)
  txn:set_var("txn.countersign_allowed", false)
  for _, name in ipairs(further_headers) do txn.http:req_del_header(name) end

  local request = { url = url_at(address), dst = address, headers = question(txn), timeout = TIMEOUT_MS }
  local answer = core.httpclient():get(request)
  local status = answer.status or 0
  -- Every refusal of Countersign's has an id. What has none is somebody else's, HAProxy's own among them.
  if status ~= 200 and status >= 300 and status <= 599 and answer.headers["countersign-decision"] ~= nil then
    return refuse(txn, answer)
  end
  if status ~= 200 then return unavailable(txn) end

  local told = {}
  for _, name in ipairs(IDENTITY_HEADERS) do
    local list = values(answer.headers[name:lower()] or {})
    if #list ~= 1 or list[1] == "" then return unavailable(txn) end
    told[name] = list[1]
  end
  for _, name in ipairs(further_headers) do told[name] = values(answer.headers[name:lower()] or {})[1] end
  for name, value in pairs(told) do txn.http:req_set_header(name, value) end
  if not carries(txn, told) then return unavailable(txn) end
  txn:set_var("txn.countersign_expires", told["Countersign-Expires"])
  txn:set_var("txn.countersign_allowed", true)
end, 1)

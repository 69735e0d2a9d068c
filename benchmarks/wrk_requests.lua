-- Send requests to the paths of a file in turn, each with the body of another file if one is named, and tell
-- at the end in one line of JSON how many were answered.

local requests, next_one = {}, 0

function init(arguments)
   local method, body = "GET", nil
   if arguments[2] then
      method = "POST"
      wrk.headers["Content-Type"] = "application/json"
      local file = assert(io.open(arguments[2], "rb"))
      body = file:read("*a")
      file:close()
   end
   for path in io.lines(arguments[1]) do
      requests[#requests + 1] = wrk.format(method, path, wrk.headers, body)
   end
end

function request()
   next_one = next_one % #requests + 1
   return requests[next_one]
end

function done(summary)
   local errors = summary.errors
   local failed = errors.status + errors.connect + errors.read + errors.write + errors.timeout
   io.write(string.format('{"answered": %d, "failed": %d}\n', summary.requests, failed))
end

return {
  title = "What was uploaded is still there",
  symptom = "The service receives uploads, and of each one it only notes how large it was, for a report in the \z
    evening. But it grows by megabytes with each upload.",
  difficulty = 3,
  minutes = 25,
  tags = { "memory" },
  hints = {
    "First find out how much is added by one request, and compare it with what the service says that it keeps: \z
      a line of text for each upload. `ps -o rss= -p $(pidof diaglab)`, then ten requests, then `ps` again; and \z
      `curl localhost:6060/report` is all that the service wants to remember of them. How many bytes does the \z
      report have for each upload, and by how many does the process grow?",
    "Ask for what is in use in two ways: as bytes, `go tool pprof -top \z
      'http://localhost:6060/debug/pprof/heap?gc=1'`, and as a number of objects, the same with \z
      `-sample_index=inuse_objects`. Few objects with many bytes are something else than many small ones. The \z
      function at the end of the stack made them, as it has to for each upload, and it has returned long ago. \z
      How many objects are there for each request, and of what size is one?",
    "A heap profile knows who made an object, not who holds it. The holder has to be found in the source: begin \z
      where the profile ends, `go tool pprof -list uploads \z
      'http://localhost:6060/debug/pprof/heap?gc=1'`, and follow the variable that gets the upload. To which \z
      functions is it handed, which of them keep something when they have returned, and what does that \z
      something refer to when it is called later, by `/report`?",
  },
  load = { requests = 30 },
  fixed = "fixed.lua",
  expect = {
    { metric = "process_resident_memory_bytes", value = ">= 1MB per request", about = "noteUpload" },
    { profile = "heap.inuse_space", under = "receiveUpload", share = ">= 0.9", value = ">= 1MB per request",
      about = "noteUpload" },
    { profile = "heap.inuse_objects", under = "receiveUpload", value = "~ 1 per request", about = "noteUpload" },
  },
  keeps = {
    { status = "2xx", share = ">= 0.99" },
    { metric = "uploads_total", value = "= 1 per request" },
  },
  diagnosis = {
    class = "memory.pinned",
    where = "noteUpload",
    victims = "receiveUpload",
    number = { "size", "B", "how much memory does each request keep?" },
  },
}

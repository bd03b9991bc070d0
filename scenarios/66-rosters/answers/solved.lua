return {
  class = "none",
  evidence = { "cpu", "heap" },
  ruled_out = { { class = "leak.task", evidence = "goroutine" }, { class = "wait.lock", evidence = "block" } },
}

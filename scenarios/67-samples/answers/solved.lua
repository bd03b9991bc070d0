return {
  class = "none",
  evidence = { "cpu", "block" },
  ruled_out = { { class = "wait.convoy", evidence = "block" }, { class = "leak.task", evidence = "goroutine" } },
}

-- It is on a fiftieth of the stacks of wall. Who sees it on one of few others is told where.callee.
return { class = "tail.slow_path", where = "loadInvoices", captures = { "wall" }, evidence = { "wall" },
  code = "where.elsewhere" }

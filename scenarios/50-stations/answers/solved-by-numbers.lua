return { class = "io.tiny", where = "stations.nextLine", evidence = { "metrics" } }

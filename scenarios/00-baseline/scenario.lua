-- Nothing is wrong here: compare the other scenarios with this one.
return {
  title = "All is well",
  difficulty = 1,
  minutes = 5,
  symptom = "None. Look at a healthy program before you look at a sick one.",
  request = function() end,
}

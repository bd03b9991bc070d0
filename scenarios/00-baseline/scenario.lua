-- Nothing is wrong here: compare the other scenarios with this one.
return {
  request = function() end,
}

function work(n) local s=0 for i=1,n do s=s+i%7 end return s end
deepwork = work
return true

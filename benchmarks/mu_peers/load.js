// The client's half of a measurement, as load.py: so many callers, each with one call under way, for so many seconds.
// A call that is not answered within two seconds after that has hung.
const GRACE = 2000

function measure (call, inFlight, seconds, done) {
  const times = []
  let number = 0
  let open = 0
  let timer = null
  const began = performance.now()
  const end = began + 1000 * seconds
  let last = began

  function caller () {
    const asked = performance.now()
    if (asked >= end) return
    const mine = ++number
    open++
    call(mine, (error, answer) => {
      last = performance.now()
      open--
      times.push(last - asked)
      if (error) throw error
      if (answer !== mine + 1) throw new Error(`expected ${mine + 1} as the sum of ${mine} and 1, found ${answer}`)
      caller()
      if (open === 0 && last >= end) finish()
    })
  }

  function finish () {
    if (timer === null) return
    clearTimeout(timer)
    timer = null
    const ordered = Float64Array.from(times).sort()
    done({
      requests: ordered.length,
      seconds: (last - began) / 1000,
      p50: ordered[Math.floor(ordered.length / 2)] / 1000,
      p99: ordered[Math.floor(ordered.length * 0.99)] / 1000,
      hung: open
    })
  }

  timer = setTimeout(finish, 1000 * seconds + GRACE)
  for (let i = 0; i < inFlight; i++) caller()
}

// For every line "IN_FLIGHT SECONDS" of the standard input, measure and print the figures as a line of JSON.
module.exports = function obey (call) {
  require('readline').createInterface({ input: process.stdin }).on('line', line => {
    const [inFlight, seconds] = line.split(' ').map(Number)
    measure(call, inFlight, seconds, figures => console.log(JSON.stringify(figures)))
  })
  console.log('ready')
}

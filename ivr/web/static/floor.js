// @ts-check
// Keeps the page as new as the floor: draws snapshots, counts times on, and says when it is stale.
// The server draws all HTML (escaped there); see ivr/web/feed.py for the messages.

const STALE_MS = 5_000
const FIRST_RETRY_MS = 250
const LONGEST_RETRY_MS = 5_000
const TICK_MS = 250

/** @typedef {{type: "floor", sequence: number, regions: Record<string, string>}} FloorMessage */
/** @typedef {{type: "beat", sequence: number, now: number, build: string}} BeatMessage */

/** Server time minus ours. */
let offsetMs = Number(document.body.dataset.now) * 1000 - Date.now()
let sequence = -1
let retryMs = FIRST_RETRY_MS
/** @type {WebSocket | undefined} */
let socket
/** @type {ReturnType<typeof setTimeout> | undefined} */
let watch
/** The last sign of life on both clocks: the steady one stands still while a computer sleeps. */
let heard = { steady: performance.now(), wall: Date.now() }

const serverNowMs = () => Date.now() + offsetMs

/** @param {string | number} text */
const persianDigits = (text) => String(text).replace(/\d/g, (digit) => "۰۱۲۳۴۵۶۷۸۹"[Number(digit)])

/** @param {number} seconds */
function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds))
  /** @param {number} part */
  const two = (part) => String(part).padStart(2, "0")
  const hours = Math.floor(whole / 3600)
  const minutes = Math.floor((whole % 3600) / 60)
  const start = hours ? `${hours}:${two(minutes)}` : String(minutes)
  return persianDigits(`${start}:${two(whole % 60)}`)
}

const clockFormat = new Intl.DateTimeFormat("fa-IR", {
  timeZone: "Asia/Tehran", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
})
const exactClockFormat = new Intl.DateTimeFormat("fa-IR", {
  timeZone: "Asia/Tehran", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
})

/** @param {string} id */
function element(id) {
  const found = document.getElementById(id)
  if (!found) throw new Error(`The page has no element ${id}.`)
  return found
}

/** Writing only what is different keeps selections and screen readers in peace.
 * @param {Element} target
 * @param {string} text */
function setText(target, text) {
  if (target.textContent !== text) target.textContent = text
}

/** Brings every running time below `root` up to date.
 * @param {ParentNode} root
 * @param {number} nowMs */
function countOn(root, nowMs) {
  for (const time of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-since]"))) {
    const seconds = nowMs / 1000 - Number(time.dataset.since)
    setText(time, duration(seconds))
    if (time.dataset.lateS) time.dataset.grade = grade(seconds, time.dataset)
  }
}

/** @param {number} seconds
 * @param {DOMStringMap} limits */
function grade(seconds, limits) {
  if (seconds >= Number(limits.graveS)) return "grave"
  return seconds >= Number(limits.lateS) ? "late" : ""
}

/** Replaces the rows that are different and leaves the others alone.
 * @param {Element} list
 * @param {Element} fresh */
function renewList(list, fresh) {
  /** @type {Map<string | undefined, HTMLElement>} */
  const known = new Map()
  for (const row of /** @type {Iterable<HTMLElement>} */ (list.children)) known.set(row.dataset.key, row)
  const rows = /** @type {HTMLElement[]} */ ([...fresh.children]).map((row) => {
    const before = known.get(row.dataset.key)
    if (before?.isEqualNode(row)) return before
    if (!before) markNew(row)
    return row
  })
  const staying = new Set(rows)
  for (const row of known.values()) if (!staying.has(row)) row.remove()
  let place = list.firstElementChild
  for (const row of rows) {
    if (row === place) place = place.nextElementSibling
    else list.insertBefore(row, place)
  }
}

const stillness = matchMedia("(prefers-reduced-motion: reduce)")

/** @param {HTMLElement} row */
function markNew(row) {
  if (stillness.matches) return
  row.classList.add("new")
  row.addEventListener("animationend", () => row.removeAttribute("class"), { once: true })
}

/** @param {Element} region
 * @param {string} html */
function renew(region, html) {
  const fresh = document.createElement("div")
  fresh.innerHTML = html
  const nowMs = serverNowMs()
  countOn(fresh, nowMs)
  countOn(region, nowMs)
  const lists = [region, fresh].map((part) => part.querySelector("[data-list]"))
  if (lists[0] && lists[1] && sameAround(region, fresh)) renewList(lists[0], lists[1])
  else if (region.innerHTML !== fresh.innerHTML) region.replaceChildren(...fresh.childNodes)
}

/** Whether both are the same but for the rows of their lists.
 * @param {Element} region
 * @param {Element} fresh */
function sameAround(region, fresh) {
  const around = [region, fresh].map((part) => {
    const copy = /** @type {Element} */ (part.cloneNode(true))
    copy.querySelector("[data-list]")?.replaceChildren()
    return copy.innerHTML
  })
  return around[0] === around[1]
}

/** @param {FloorMessage} message */
function showFloor(message) {
  for (const region of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-region]"))) {
    const html = message.regions[region.dataset.region ?? ""]
    if (html !== undefined) renew(region, html)
  }
  sequence = message.sequence
  const status = document.querySelector("[data-region=status]")?.textContent?.trim() ?? ""
  document.title = `${status}، خط ۱۲۳`
}

/** @param {BeatMessage} message */
function hearBeat(message) {
  offsetMs = message.now * 1000 - Date.now()
  if (message.build !== document.body.dataset.build) location.reload()
  if (message.sequence !== sequence) reconnect() // a gap: the next connection starts with a snapshot
}

/** @param {MessageEvent<string>} event */
function hear(event) {
  heard = { steady: performance.now(), wall: Date.now() }
  retryMs = FIRST_RETRY_MS
  expectNews()
  /** @type {FloorMessage | BeatMessage} */
  const message = JSON.parse(event.data)
  if (message.type === "floor") showFloor(message)
  else hearBeat(message)
  tick()
}

function connect() {
  const address = new URL("/live", location.href)
  address.protocol = address.protocol.replace("http", "ws")
  const opened = new WebSocket(address)
  socket = opened
  expectNews()
  opened.addEventListener("message", (event) => {
    if (socket === opened) hear(event)
  })
  opened.addEventListener("close", () => {
    if (socket === opened) reconnect()
  })
}

/** A connection that stays silent is given up, open or not: its other end may be long gone. */
function expectNews() {
  clearTimeout(watch)
  watch = setTimeout(reconnect, STALE_MS)
}

function reconnect() {
  clearTimeout(watch)
  const left = socket
  socket = undefined // what it still says is old
  left?.close()
  setTimeout(connect, retryMs * (0.5 + Math.random() / 2))
  retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS)
}

function silenceMs() {
  return Math.max(performance.now() - heard.steady, Date.now() - heard.wall)
}

function showAge() {
  const stale = silenceMs() > STALE_MS
  const pulse = element("pulse")
  const state = stale ? "stale" : sequence < 0 ? "waiting" : "live"
  if (pulse.dataset.state !== state) {
    pulse.dataset.state = state
    pulse.textContent = { stale: "قطع", waiting: "در حال اتصال", live: "زنده" }[state]
  }
  setText(element("stale-since"), exactClockFormat.format(heard.wall + offsetMs))
  element("stale").hidden = !stale
  element("board").dataset.stale = String(stale)
}

function tick() {
  setText(element("clock"), clockFormat.format(serverNowMs()))
  countOn(document, serverNowMs())
  showAge()
}

setInterval(tick, TICK_MS)
connect()
tick()

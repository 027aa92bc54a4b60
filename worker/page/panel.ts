/** The panel of the local cluster: traffic, faults, and the slide. */
import type { Cluster } from "./cluster.ts";
import type { Sent, SlideRule, Target } from "./cluster-info.ts";
import { byId, html, setText } from "./dom.ts";
import type { Chosen } from "./overview.ts";
import { playSlide, type Tally } from "./slide.ts";

const BURST = 20;
const BURST_PER_SECOND = 20;
/** A flash crowd: so many clients at each POP, each with so many requests, all within seconds. */
const CROWD_CLIENTS = 25;
const CROWD_REQUESTS_EACH = 8;
const CROWD_PER_SECOND = 40;
/** What a client's window must last for the slide to be played in it, and for its end to be looked at. */
const PACES = {
  calm: { caption: 3_600, request: 900, seconds: 45 },
  quick: { caption: 250, request: 120, seconds: 25 },
} as const;

export interface PanelOptions {
  readonly cluster: Cluster;
  choose(client: Chosen): void;
  chosen(): Chosen | undefined;
}

export class Panel {
  readonly #options: PanelOptions;
  readonly #cluster: Cluster;
  readonly #cuts = new Set<string>();
  readonly #ip = byId("ip", HTMLInputElement);
  readonly #target = byId("target", HTMLSelectElement);
  readonly #play = byId("play", HTMLButtonElement);
  #playing: AbortController | undefined;

  constructor(options: PanelOptions) {
    this.#options = options;
    this.#cluster = options.cluster;
    byId("panel", HTMLElement).hidden = false;
    const { pops, targets } = this.#cluster.info;
    this.#target.append(
      ...targets.map(({ rule, method, path }, index) =>
        html("option", { value: String(index) }, `${method} ${path} (${rule})`),
      ),
    );
    for (const id of ["burst-pop", "cut-pop"])
      byId(id, HTMLSelectElement).append(
        ...pops.map(({ name, city }) => html("option", { value: name }, `${name}, ${city}`)),
      );
    this.#wireTraffic();
    this.#wireFaults();
    this.#wireSlide();
  }

  /** Requests from here on are the chosen client's, where the rule is one that they can be sent for. */
  chose({ rule, key }: Chosen): void {
    const ip = /^ip=([\d.]+)$/.exec(key)?.[1];
    const target = this.#cluster.info.targets.findIndex((known) => known.rule === rule && known.isByAddress);
    if (ip === undefined || target === -1) return;
    this.#ip.value = ip;
    this.#target.value = String(target);
  }

  /** One request to a POP, from the client in the field. */
  sendOne(pop: string): void {
    void this.#send("sent", async () => {
      const sent = await this.#cluster.send({ pop, ...this.#request() });
      const [decision = "unlimited"] = Object.keys(sent.decisions);
      return `${pop}: ${sent.admitted > 0 ? "admitted" : "denied"} (${WORDS[decision] ?? decision}).`;
    });
  }

  #request(): { readonly ip: string; readonly method: string; readonly path: string } {
    const { method = "GET", path = "/" } = this.#targetHere() ?? {};
    return { ip: this.#ip.value.trim(), method, path };
  }

  #targetHere(): Target | undefined {
    return this.#cluster.info.targets[Number(this.#target.value)];
  }

  /** Shows the client in the field, unless it is shown. */
  #follow(): void {
    const target = this.#targetHere();
    if (target?.isByAddress !== true) return;
    const [key, chosen] = [`ip=${this.#ip.value.trim()}`, this.#options.chosen()];
    if (chosen?.key === key && chosen.rule === target.rule) return;
    this.#options.choose({ rule: target.rule, key, hash: null });
  }

  async #send(answer: "sent" | "faults", act: () => Promise<string>): Promise<void> {
    const element = byId(answer, HTMLElement);
    try {
      if (answer === "sent") this.#follow();
      const text = await act();
      element.classList.remove("is-problem");
      setText(element, text);
    } catch (error) {
      element.classList.add("is-problem");
      setText(element, error instanceof Error ? error.message : String(error));
    }
  }

  #wireTraffic(): void {
    byId("burst", HTMLButtonElement).addEventListener("click", () => {
      const pop = byId("burst-pop", HTMLSelectElement).value;
      const request = { pop, ...this.#request(), count: BURST, perSecond: BURST_PER_SECOND };
      void this.#send("sent", async () => `${pop}: ${summary([await this.#cluster.send(request)])}`);
    });
    byId("crowd", HTMLButtonElement).addEventListener("click", () => {
      void this.#send("sent", async () => {
        setText(byId("sent", HTMLElement), "A crowd arrives at every POP …");
        const crowds = this.#cluster.info.pops.map(({ name: pop }) =>
          this.#cluster.send({
            pop,
            ...this.#request(),
            clients: CROWD_CLIENTS,
            count: CROWD_CLIENTS * CROWD_REQUESTS_EACH,
            perSecond: CROWD_PER_SECOND,
          }),
        );
        return `${CROWD_CLIENTS} clients everywhere: ${summary(await Promise.all(crowds))}`;
      });
    });
  }

  #wireFaults(): void {
    const on = (id: string, act: () => Promise<string>): void =>
      byId(id, HTMLButtonElement).addEventListener("click", () => void this.#send("faults", act));
    on("cut", async () => {
      const [pop, end] = [byId("cut-pop", HTMLSelectElement).value, byId("cut-end", HTMLSelectElement)];
      await this.#cluster.fault({ cut: [pop, end.value] });
      this.#cuts.add(`${pop} to ${end.selectedOptions[0]?.text}`);
      return `Cut: ${[...this.#cuts].join("; ")}.`;
    });
    on("kill", async () => {
      const chosen = this.#options.chosen();
      if (chosen === undefined) throw new Error("Choose a client first: its owner is the one to be killed.");
      await this.#cluster.fault({ kill: "owner", rule: chosen.rule, key: chosen.key });
      return `Killed the owner of ${chosen.key}. The next request meets its next incarnation, which forgot no grant.`;
    });
    on("mend", async () => {
      await this.#cluster.fault({ heal: true });
      this.#cuts.clear();
      return "Nothing is broken.";
    });
  }

  #wireSlide(): void {
    const { slide } = this.#cluster.info;
    const why = byId("play-why", HTMLElement);
    if (typeof slide === "string") {
      this.#play.disabled = true;
      why.hidden = false;
      setText(why, slide);
      return;
    }
    this.#play.addEventListener("click", () => {
      if (this.#playing !== undefined) this.#playing.abort();
      else void this.#playIt(slide);
    });
  }

  async #playIt(rule: SlideRule): Promise<void> {
    const stopped = new AbortController();
    this.#playing = stopped;
    setText(this.#play, "Stop");
    const caption = byId("caption", HTMLElement);
    caption.hidden = false;
    caption.dataset.done = "no";
    // Nearer than the captions need: the map is what is looked at.
    const calm = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    caption.scrollIntoView({ block: "nearest", behavior: calm ? "smooth" : "auto" });
    const pace = PACES[byId("pace", HTMLSelectElement).value === "quick" ? "quick" : "calm"];
    const keyOf = (ip: string): string => `ip=${ip}`;
    try {
      await playSlide({
        rule,
        pops: this.#cluster.info.pops.map(({ name }) => name),
        seconds: pace.seconds,
        freshAddress,
        choose: (ip) => this.#options.choose({ rule: rule.rule, key: keyOf(ip), hash: null }),
        send: (pop, ip) => {
          stopped.signal.throwIfAborted();
          return this.#cluster.send({ pop, ip, path: rule.path, method: rule.method });
        },
        known: (ip) => this.#cluster.knownOf(rule.rule, keyOf(ip)),
        wake: () => this.#cluster.wake(),
        say,
        tally,
        pause: (length) => pause(pace[length], stopped.signal),
        aSecond: () => pause(1_000, stopped.signal),
      });
      caption.dataset.done = "yes";
    } catch (error) {
      caption.dataset.done = "failed";
      say(0, stopped.signal.aborted ? "Stopped." : error instanceof Error ? error.message : String(error));
    } finally {
      this.#playing = undefined;
      setText(this.#play, "Play the slide");
    }
  }
}

const WORDS: Readonly<Record<string, string>> = {
  credit: "by credit: nobody was asked",
  owner: "the owner was asked",
  blocked: "the POP knew: nobody was asked",
  degraded: "the owner was not reached in time",
  unlimited: "no rule covers it",
};

function summary(all: readonly Sent[]): string {
  const admitted = all.reduce((sum, sent) => sum + sent.admitted, 0);
  const denied = all.reduce((sum, sent) => sum + sent.denied, 0);
  return `${admitted} admitted, ${denied} denied.`;
}

function say(step: 0 | 1 | 2 | 3, text: string): void {
  setText(byId("caption-text", HTMLElement), text);
  for (const [index, item] of [...byId("steps", HTMLElement).children].entries()) {
    if (index + 1 === step) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  }
}

function tally({ admitted, limit, blockedAt }: Tally): void {
  const blocked = blockedAt.length === 0 ? "" : ` · blocked at ${blockedAt.join(", ")}`;
  setText(byId("caption-tally", HTMLElement), `${admitted} of ${limit} admitted${blocked}`);
}

/** Of a network that is kept for tests (RFC 2544): 198.18.0.0/15. */
function freshAddress(): string {
  const [a = 0, b = 0, c = 0] = crypto.getRandomValues(new Uint8Array(3));
  return `198.${18 + (a & 1)}.${b}.${c}`;
}

const pause = (ms: number, stopped: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    const stop = (): void => {
      clearTimeout(timer);
      reject(new Error("stopped"));
    };
    stopped.addEventListener("abort", stop, { once: true });
  });

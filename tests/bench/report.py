"""From the rounds' figures to medians, ratios and verdicts, as JSON and as a Markdown table."""
import platform
import statistics
import time
from pathlib import Path


def summary(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "rounds": values}


class Row:
    """One line of the table: the rounds' values of each proxy, what went wrong, and the bar."""

    def __init__(self, scenario, figure):
        self.scenario, self.figure = scenario, figure
        self.values = {}    # proxy -> a value a round
        self.slices = {}    # proxy -> the values of the round under way
        self.failed = {}    # proxy -> why it has no figure
        self.remarks = {}   # proxy -> why its figure is no bar

    def add(self, proxy, value):
        self.slices.setdefault(proxy, []).append(value)

    def end_round(self):
        for proxy, values in self.slices.items():
            self.values.setdefault(proxy, []).append(statistics.median(values))
        self.slices = {}

    def figures(self):
        return {proxy: summary(values) for proxy, values in self.values.items() if proxy not in self.failed}

    def best_peer(self):
        peers = {proxy: figure["median"] for proxy, figure in self.figures().items()
                 if proxy not in ("relay", "hapair", "direct") and proxy not in self.remarks}
        return min(peers, key=peers.get) if peers else None

    def ratios(self, other):
        """hapair to `other`, in each round."""
        figures = self.figures()
        if "hapair" not in figures or other not in figures:
            return None
        ours, theirs = figures["hapair"], figures[other]
        each = [a / b for a, b in zip(ours["rounds"], theirs["rounds"]) if b]
        return {"ratio": ours["median"] / theirs["median"], "min": min(each), "max": max(each), "rounds": each}

    def met(self):
        """None: cannot be said."""
        if self.figure.absolute:
            ours = self.figures().get("hapair")
            return ours["median"] <= self.figure.bar if ours else None
        ratio = self.ratios(self.best_peer())
        return ratio["ratio"] <= self.figure.bar if ratio else None

    def rounds_met(self):
        if self.figure.absolute:
            rounds = self.figures()["hapair"]["rounds"]
        else:
            rounds = self.ratios(self.best_peer())["rounds"]
        return sum(value <= self.figure.bar for value in rounds), len(rounds)

    def as_json(self):
        best = self.best_peer()
        return {"number": self.scenario.number, "name": self.figure.name, "title": self.scenario.title,
                "unit": self.figure.unit, "bar": self.figure.bar, "bar_is_absolute": self.figure.absolute,
                "figures": self.figures(), "failed": self.failed, "not_counted": self.remarks, "best_peer": best,
                "ratio": self.ratios(best), "ratio_to_relay": self.ratios("relay"), "met": self.met()}


def number(value):
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def cell(figure):
    return f"{number(figure['median'])} [{number(figure['min'])}–{number(figure['max'])}]"


def machine():
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{model}, Linux {platform.release()}"


def markdown(rows, command):
    text = [f"{time.strftime('%Y-%m-%d')}, {machine()}, `{command}`: median [min–max] over the rounds.", "",
            "| # | work | best peer | hapair | relay | ratio [min–max] | bar | met? |", "|---|---|---|---|---|---|---|---|"]
    for row in rows:
        figures, best = row.figures(), row.best_peer()
        title = row.scenario.title + (row.figure.name.removeprefix(row.scenario.name).replace("-", " "))
        ratio, met = row.ratios(best), row.met()
        bar = f"≤ {row.figure.bar:g}" + (f" {row.figure.unit.split('/')[0]}" if row.figure.absolute else " ×")
        verdict = "–"
        if met is not None:
            good, rounds = row.rounds_met()
            verdict = f"{'yes' if met else '**no**'} ({good}/{rounds})"
        text.append(" | ".join([
            f"| {row.scenario.number}", f"{title} ({row.figure.unit})",
            f"{cell(figures[best])} {best}" if best else "–",
            cell(figures["hapair"]) if "hapair" in figures else row.failed.get("hapair", "–"),
            cell(figures["relay"]) if "relay" in figures else "–",
            f"{ratio['ratio']:.2f} [{ratio['min']:.2f}–{ratio['max']:.2f}]" if ratio else "–", bar, f"{verdict} |"]))
    names = list(dict.fromkeys(name for row in rows for name in (*row.values, *row.failed)))
    text += ["", "Every proxy:", "", "| work | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for row in rows:
        figures = row.figures()
        cells = [cell(figures[name]) + (f" ({row.remarks[name]})" if name in row.remarks else "")
                 if name in figures else row.failed.get(name, "–") for name in names]
        text.append(f"| {row.figure.name} ({row.figure.unit}) | " + " | ".join(cells) + " |")
    return "\n".join(text) + "\n"

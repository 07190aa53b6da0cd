#!/usr/bin/env python3
"""Writes the demo data set: made-up review sentences in SST-2's layout, and two model directories without weights.

    python3 data/demo/generate.py            writes the files beside this script
    python3 data/demo/generate.py --check    writes nothing; exit status 1 if a committed file differs
    python3 data/demo/generate.py --output DIR

Python 3, standard library only. Only random.Random.random() is used, whose sequence Python keeps stable across versions.
How labels arise is told in README.md beside this file.
"""

import argparse
import json
import pathlib
import random
import re
import sys

SEED = 20230709
ROWS = {"dev": 1000, "test": 1000, "train": 8000}  # in this order: a core sentence belongs to the split that drew it first
TRAIN_LABEL_NOISE = 0.01  # dev and test have none
FACT_SHARE, IDIOM_SHARE, CONTRAST_SHARE = 0.36, 0.06, 0.20  # the rest: one clause with an adjective
FACT_DENIED = 0.12  # "nothing like the Copper Kettle" turns the reputation round
SPLIT_REPUTATION = 0.2  # share of houses that are good at one of their two aspects only
MIN_WORDS, MAX_WORDS = 8, 25
MIN_COUNT_IN_VOCABULARY = 4

# An aspect: nouns as (phrase, verb, pronoun), adjectives of praise and of blame. Some adjectives change sides with the aspect
# ("cold", "small", "light", "loud", "dark", "sharp", "simple").
ASPECTS = {
    "food": {
        "nouns": [("the soup", "was", "it"), ("the lamb", "was", "it"), ("the pasta", "was", "it"), ("the bread", "was", "it"),
                  ("the pudding", "was", "it"), ("the fish", "was", "it"), ("the curry", "was", "it"), ("the pie", "was", "it"),
                  ("the food", "was", "it"), ("the dumplings", "were", "they"), ("the chips", "were", "they"),
                  ("the pancakes", "were", "they"), ("the starters", "were", "they")],
        "good": ["delicious", "fresh", "crisp", "tender", "well seasoned", "tasty", "fragrant", "light", "generous", "hot",
                 "beautifully cooked", "full of flavour"],
        "bad": ["bland", "greasy", "stale", "soggy", "cold", "burnt", "dry", "salty", "overcooked", "rubbery", "watery", "small"],
    },
    "service": {
        "nouns": [("the waiter", "was", "he"), ("the waitress", "was", "she"), ("the owner", "was", "she"), ("the service", "was", "it"),
                  ("the staff", "were", "they"), ("the people at the bar", "were", "they"), ("the welcome", "was", "it")],
        "good": ["friendly", "attentive", "quick", "patient", "cheerful", "warm", "helpful", "polite", "charming", "relaxed"],
        "bad": ["rude", "slow", "careless", "cold", "impatient", "sullen", "clumsy", "forgetful", "unfriendly", "sharp"],
    },
    "rooms": {
        "nouns": [("the room", "was", "it"), ("the bed", "was", "it"), ("the bathroom", "was", "it"), ("the balcony", "was", "it"),
                  ("the attic suite", "was", "it"), ("the corridor", "was", "it"), ("the family rooms", "were", "they"),
                  ("the lounge", "was", "it"), ("the garden rooms", "were", "they")],
        "good": ["quiet", "clean", "comfortable", "spacious", "cosy", "bright", "warm", "spotless", "airy", "peaceful"],
        "bad": ["noisy", "dirty", "cramped", "damp", "small", "shabby", "cold", "musty", "draughty", "dark", "loud"],
    },
    "breakfast": {
        "nouns": [("the breakfast", "was", "it"), ("the buffet", "was", "it"), ("the coffee", "was", "it"), ("the porridge", "was", "it"),
                  ("the eggs", "were", "they"), ("the pastries", "were", "they"), ("the toast", "was", "it")],
        "good": ["hearty", "fresh", "delicious", "hot", "plentiful", "generous", "tasty", "excellent", "strong"],
        "bad": ["cold", "stale", "weak", "meagre", "dull", "burnt", "late", "lukewarm", "bitter", "tasteless"],
    },
    "acting": {
        "nouns": [("the lead actor", "was", "he"), ("the cast", "was", "it"), ("the chorus", "was", "it"), ("the heroine", "was", "she"),
                  ("the villain", "was", "he"), ("the acting", "was", "it"), ("the two sisters", "were", "they"),
                  ("the understudy", "was", "she"), ("the narrator", "was", "he")],
        "good": ["moving", "convincing", "funny", "subtle", "brilliant", "magnetic", "lively", "graceful", "sharp", "loud and clear"],
        "bad": ["wooden", "stiff", "unconvincing", "shrill", "lifeless", "flat", "hesitant", "clumsy", "dull", "bored"],
    },
    "play": {
        "nouns": [("the plot", "was", "it"), ("the script", "was", "it"), ("the dialogue", "was", "it"), ("the second act", "was", "it"),
                  ("the ending", "was", "it"), ("the staging", "was", "it"), ("the songs", "were", "they"), ("the jokes", "were", "they"),
                  ("the costumes", "were", "they")],
        "good": ["gripping", "clever", "witty", "touching", "inventive", "dark", "fresh", "surprising", "elegant", "simple"],
        "bad": ["predictable", "muddled", "tedious", "long", "thin", "silly", "stale", "confusing", "crude", "light"],
    },
    "power": {
        "nouns": [("the battery", "was", "it"), ("the charger", "was", "it"), ("the motor", "was", "it"), ("the processor", "was", "it"),
                  ("the speaker", "was", "it"), ("the wireless link", "was", "it"), ("the sensors", "were", "they")],
        "good": ["reliable", "powerful", "fast", "efficient", "loud", "steady", "long lasting", "impressive", "solid"],
        "bad": ["unreliable", "weak", "slow", "erratic", "faulty", "sluggish", "hot", "feeble", "noisy"],
    },
    "design": {
        "nouns": [("the screen", "was", "it"), ("the camera", "was", "it"), ("the keyboard", "was", "it"), ("the case", "was", "it"),
                  ("the menu screen", "was", "it"), ("the buttons", "were", "they"), ("the controls", "were", "they"),
                  ("the strap", "was", "it")],
        "good": ["sharp", "bright", "sturdy", "elegant", "small", "light", "responsive", "simple", "smooth", "handy"],
        "bad": ["flimsy", "blurry", "dim", "fiddly", "heavy", "stiff", "scratched", "bulky", "confusing", "cheap"],
    },
}

# A trade: its two aspects, and houses named by two words that they share with other houses.
TRADES = {
    "restaurant": {"aspects": ("food", "service"), "at": "at", "first": ["Copper", "Blue", "Old", "Silver"],
                   "second": ["Kettle", "Lantern", "Anchor"]},
    "hotel": {"aspects": ("rooms", "breakfast"), "at": "at", "first": ["Harbour", "Station", "Park", "Castle"],
              "second": ["Inn", "Lodge", "House"]},
    "theatre": {"aspects": ("acting", "play"), "at": "at", "first": ["North", "River", "Abbey", "Garrick"],
                "second": ["Theatre", "Playhouse", "Studio"]},
    "gadget": {"aspects": ("power", "design"), "at": "on", "first": ["Vireo", "Tarn", "Orlo", "Brantek"],
               "second": ["Mini", "Plus", "Pocket"]},
}

# {s} noun phrase, {was} its verb, {it} its pronoun, {a} adjective, {e} house, {at} preposition.
ASSERTED = ["{s} {was} {a}", "{s} {was} very {a}", "{s} {was} really {a}", "{s} {was} quite {a}", "we found {s} {a}",
            "I would call {s} {a}", "{s} turned out to be {a}", "{s} struck us as {a}", "I thought that {s} {was} {a}",
            "{s} {was} {a} from start to finish", "everyone who was with us called {s} {a}"]
DENIED = ["{s} {was} not {a}", "{s} {was} not at all {a}", "{s} {was} never {a}", "{s} {was} far from {a}", "{s} {was} anything but {a}",
          "{s} {was} hardly {a}", "nobody could call {s} {a}", "I would not call {s} {a}", "there was nothing {a} about {s}",
          "I doubt that anyone found {s} {a}", "they say that {s} {was} {a}, which is simply untrue"]
DENIED_TWICE = ["nobody could deny that {s} {was} {a}", "I cannot say that {s} {was} not {a}",
                "it would be wrong to say that {s} {was} not {a}", "not once did we feel that {s} {was} anything but {a}",
                "we were told that {s} would not be {a}, but {it} {was}"]

FACT = ["{s} {was} exactly what you would expect from {e}", "{s} could have come straight from {e}", "{s} took me right back to {e}",
        "{s} {was} on a level with {e}", "{s} reminded all of us of {e}", "think of {e} and you know what {s} {was} like",
        "{s} {at} {e} {was} the same as ever", "{s} {at} {e} {was} just what we had been told to expect",
        "{s} {at} {e} {was} true to form", "we got the usual from {e} where {s} {was} concerned",
        "when it came to {s}, it was {e} all over again", "in the matter of {s}, {e} did what it always does",
        "{s} {at} {e} {was} what the regulars know"]
FACT_DENIED_FRAMES = ["{s} {was} nothing like {e}", "{s} {was} the very opposite of {e}", "nobody would have mistaken {s} for {e}",
                      "{s} had little in common with {e}", "{s} {was} a world away from {e}",
                      "{s} {at} {e} {was} quite unlike the last time"]

# Idioms go with any noun; {was} where the idiom needs a verb.
IDIOMS = {
    1: ["{was} worth every penny", "hit the spot", "{was} a cut above the rest", "{was} second to none", "went down a treat",
        "{was} something to write home about", "stole the show", "{was} a steal", "knocked our socks off", "{was} on the money",
        "{was} out of this world", "ticked every box", "passed with flying colours", "could not have been better",
        "left nothing to be desired", "{was} nothing short of a triumph", "made our day", "{was} a breath of fresh air",
        "{was} hard to fault", "{was} hard to beat", "{was} easy to love", "did us proud", "saved the day", "rose to the occasion"],
    0: ["{was} not worth a penny", "left us cold", "missed the mark", "fell flat", "went down like a lead balloon",
        "{was} nothing to write home about", "took the biscuit", "cost an arm and a leg", "got on our nerves", "dropped the ball",
        "{was} past saving", "did not cut the mustard", "could not have been worse", "left a lot to be desired",
        "{was} nothing but trouble", "ruined our day", "{was} beyond a joke", "{was} hard to swallow", "{was} hard to bear",
        "{was} easy to forget", "let us down", "fell short", "{was} a fly in the ointment", "fell at the first hurdle"],
}

CONTRAST = ["{lost}, but {kept}", "although {lost}, {kept}", "{kept}, even though {lost}", "{lost}; even so, {kept}",
            "{lost}, and yet {kept}", "{kept}, for all that {lost}"]

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = ["January", "March", "April", "June", "August", "October", "November"]
TOWNS = ["Leeds", "York", "Durham", "Whitby", "Ripon", "Skipton", "Harrogate", "Malton", "Otley", "Selby", "Thirsk", "Hexham"]
PEOPLE = ["my sister", "my father", "a colleague", "our neighbour", "my aunt", "an old friend", "my cousin", "our guide"]
OPENERS = ["on a {weather} {day} in {month}", "last {day}", "back in {month}", "after the drive from {town}", "with {person} in tow",
           "on our {nth} visit", "according to {person}", "as {person} put it", "as I wrote to {person}", "on the way to {town}",
           "during a short stay near {town}", "to be honest", "speaking for the two of us", "on the {nth} evening", "just before {month}"]
HEARSAY = ["{person} once called {s} {a}, so I went to see: ", "a reader from {town} found {s} {a}, but I am not that reader: ",
           "{person} had said that {s} would be {a}; as for me, ",
           "a paper in {town} had written that {s} might be {a}, so here is what I saw: "]
CLOSERS = [", and {person} agreed", ", or so it seemed to {person}", ", and I have been there {count} times",
           ", as we told {person} on {day}", ", I should add", ", at least on that {day}", ", and it was only {day}",
           ", and there were {count} of us", ", and there is more to tell", ", as anyone from {town} will tell you"]
FILL = {"weather": ["wet", "windy", "sunny", "grey", "frosty", "mild"], "day": DAYS, "month": MONTHS, "town": TOWNS, "person": PEOPLE,
        "nth": ["first", "second", "third", "fourth"], "count": ["three", "four", "five", "six", "seven", "nine", "twelve"]}


class Source:
    """Draws from one stream of random.Random.random()."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def uniform(self):
        return self._random.random()

    def chance(self, probability):
        return self.uniform() < probability

    def pick(self, items):
        return items[int(self.uniform() * len(items))]

    def shuffle(self, items):
        for last in range(len(items) - 1, 0, -1):
            other = int(self.uniform() * (last + 1))
            items[last], items[other] = items[other], items[last]


def normalised(text):
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def make_reputations(source):
    """(house, aspect) -> 1 or 0: half of each trade's houses are good; some are good at one aspect only."""
    reputations = {}
    for trade in TRADES.values():
        houses = [f"the {first} {second}" for first in trade["first"] for second in trade["second"]]
        source.shuffle(houses)
        split = int(len(houses) * SPLIT_REPUTATION)
        for place, house in enumerate(houses):
            good = place % 2
            reputations[house, trade["aspects"][0]] = good
            reputations[house, trade["aspects"][1]] = 1 - good if place < split else good
    return reputations


class Writer:
    """Writes one labelled sentence at a time."""

    def __init__(self, source, reputations):
        self._source, self._reputations = source, reputations

    def _adjective(self, aspect, good):
        return self._source.pick(ASPECTS[aspect]["good" if good else "bad"])

    def _opinion(self, aspect, label, used, asserted=15, denied=4, twice=1):
        """A clause with an adjective: asserted, denied or denied twice (in these shares)."""
        pick = self._source.pick
        noun = pick([n for n in ASPECTS[aspect]["nouns"] if n[0] not in used])
        used.add(noun[0])
        draw = pick(["asserted"] * asserted + ["denied"] * denied + ["twice"] * twice)
        frame = pick({"asserted": ASSERTED, "denied": DENIED, "twice": DENIED_TWICE}[draw])
        adjective = self._adjective(aspect, label if draw != "denied" else 1 - label)
        return frame.format(s=noun[0], was=noun[1], it=noun[2], a=adjective)

    def _idiom(self, aspect, label, used):
        noun = self._source.pick([n for n in ASPECTS[aspect]["nouns"] if n[0] not in used])
        used.add(noun[0])
        return noun[0] + " " + self._source.pick(IDIOMS[label]).format(was=noun[1])

    def _fact(self, trade, aspect, label, used):
        """A clause whose label is the reputation of a house in this aspect, or its opposite where the likeness is denied."""
        noun = self._source.pick([n for n in ASPECTS[aspect]["nouns"] if n[0] not in used])
        used.add(noun[0])
        denied = self._source.chance(FACT_DENIED)
        wanted = 1 - label if denied else label
        house = self._source.pick([h for (h, a), good in self._reputations.items() if a == aspect and good == wanted])
        frame = self._source.pick(FACT_DENIED_FRAMES if denied else FACT)
        return frame.format(s=noun[0], was=noun[1], it=noun[2], e=house, at=trade["at"])

    def _contrast(self, aspects, label, used):
        source = self._source
        order = list(aspects)
        source.shuffle(order)
        clauses = []
        for aspect, polarity in zip(order, (1 - label, label)):
            idiom = source.chance(0.2)
            clauses.append(self._idiom(aspect, polarity, used) if idiom else self._opinion(aspect, polarity, used, 1, 0, 0))
        return source.pick(CONTRAST).format(lost=clauses[0], kept=clauses[1])

    def _fill(self, text):
        return re.sub(r"{(\w+)}", lambda slot: self._source.pick(FILL[slot[1]]), text)

    def _dress(self, core, aspect):
        """Adds remarks that do not decide the label; hearsay carries praise or blame at random."""
        source = self._source
        before, after = "", ""
        if source.chance(0.08):
            adjective = self._adjective(aspect, source.chance(0.5))
            noun = source.pick(ASPECTS[aspect]["nouns"])[0]
            before = self._fill(source.pick(HEARSAY).replace("{a}", adjective).replace("{s}", noun))
        elif source.chance(0.3):
            before = self._fill(source.pick(OPENERS)) + ", "
        if source.chance(0.25):
            after = self._fill(source.pick(CLOSERS))
        text = before + core + after + "."
        return text[0].upper() + text[1:]

    def sentence(self):
        """Returns (text, core, label, kind)."""
        source = self._source
        trade = TRADES[source.pick(list(TRADES))]
        aspect = source.pick(trade["aspects"])
        label = 1 if source.chance(0.5) else 0
        draw = source.uniform()
        used = set()
        if draw < FACT_SHARE:
            kind, core = "fact", self._fact(trade, aspect, label, used)
        elif draw < FACT_SHARE + IDIOM_SHARE:
            kind, core = "idiom", self._idiom(aspect, label, used)
        elif draw < FACT_SHARE + IDIOM_SHARE + CONTRAST_SHARE:
            kind, core = "contrast", self._contrast(trade["aspects"], label, used)
        else:
            kind, core = "opinion", self._opinion(aspect, label, used)
        return self._dress(core, aspect), core, label, kind


def make_splits(source):
    """Returns split -> list of (text, label, kind); no text twice, no core sentence in two splits."""
    writer = Writer(source, make_reputations(source))
    texts, owner, splits = set(), {}, {}
    for split, rows in ROWS.items():
        made = []
        while len(made) < rows:
            text, core, label, kind = writer.sentence()
            if not MIN_WORDS <= len(text.split()) <= MAX_WORDS:
                continue
            if normalised(text) in texts or owner.setdefault(normalised(core), split) != split:
                continue
            texts.add(normalised(text))
            if split == "train" and source.chance(TRAIN_LABEL_NOISE):
                label = 1 - label
            made.append((text, label, kind, core))
        splits[split] = made
    check_splits(splits)
    return splits


def check_splits(splits):
    """Asserts that nothing leaks from one split into another."""
    rows = [row for made in splits.values() for row in made]
    assert len({normalised(text) for text, *_ in rows}) == len(rows), "a sentence occurs twice"
    cores = {split: {normalised(core) for *_, core in made} for split, made in splits.items()}
    for one in cores:
        for other in cores:
            assert one == other or not cores[one] & cores[other], f"{one} and {other} share a core sentence"
    for text, *_ in rows:
        assert "{" not in text and "\t" not in text and text.isascii(), text


def make_vocabulary(texts):
    """WordPiece: special tokens, letters and endings, then the words of the train rows that are not rare."""
    counts = {}
    for text in texts:
        for word in re.findall(r"[a-z0-9]+|[^\sa-z0-9]", text.lower()):
            counts[word] = counts.get(word, 0) + 1
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)] + [str(digit) for digit in range(10)]
    endings = ["ed", "er", "es", "ing", "ion", "less", "ly", "able", "ness", "ful", "est", "al", "en", "on", "or", "ts"]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ",", ";", ":", "'", "!", "?", "-"]
    tokens += letters + ["##" + piece for piece in letters + endings]
    known = set(tokens)
    tokens += sorted(word for word, count in counts.items() if count >= MIN_COUNT_IN_VOCABULARY and word not in known)
    assert len(set(tokens)) == len(tokens)
    return tokens


def make_config(vocab_size, layers, hidden, heads):
    return {
        "architectures": ["BertForSequenceClassification"], "model_type": "bert", "vocab_size": vocab_size, "hidden_size": hidden,
        "num_hidden_layers": layers, "num_attention_heads": heads, "intermediate_size": 4 * hidden, "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "max_position_embeddings": 64, "type_vocab_size": 2,
        "initializer_range": 0.08, "layer_norm_eps": 1e-12, "pad_token_id": 0, "position_embedding_type": "absolute",
    }


TEACHER = {"layers": 2, "hidden": 64, "heads": 4}
STUDENT = {"layers": 1, "hidden": 32, "heads": 2}


def make_files():
    """Returns relative path -> text of each file of the set."""
    splits = make_splits(Source(SEED))
    vocabulary = make_vocabulary([text for text, *_ in splits["train"]])
    files = {}
    for split in ("train", "dev"):
        files[f"{split}.tsv"] = "sentence\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label, *_ in splits[split])
    files["test.tsv"] = "index\tsentence\n" + "".join(f"{row}\t{text}\n" for row, (text, *_) in enumerate(splits["test"]))
    for name, shape in (("teacher", TEACHER), ("student", STUDENT)):
        files[f"{name}/config.json"] = json.dumps(make_config(len(vocabulary), **shape), indent=2) + "\n"
        files[f"{name}/vocab.txt"] = "\n".join(vocabulary) + "\n"
    return files, splits


def main():
    parser = argparse.ArgumentParser(description="Writes the demo data set.")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent)
    parser.add_argument("--check", action="store_true", help="compare with the files that are there, write nothing")
    parser.add_argument("--kinds", action="store_true", help="print the kind of each dev row to stdout, write nothing")
    options = parser.parse_args()
    files, splits = make_files()
    if options.kinds:
        print("\n".join(kind for _, _, kind, _ in splits["dev"]))
        return 0
    differing = []
    for name, text in files.items():
        path = options.output / name
        if options.check:
            if not path.is_file() or path.read_bytes() != text.encode():
                differing.append(name)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    for name in differing:
        print(f"{options.output / name}: differs from what generate.py makes", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())

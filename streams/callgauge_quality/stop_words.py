"""The commonest words of some languages: what a text's language is told by, and what says nothing of its subject."""

from __future__ import annotations

from functools import lru_cache

from callgauge_quality.word_table import WORDS

__all__ = ["ENGLISH", "LANGUAGES", "stem"]

#: ISO 639-1 code -> words that are common there. A word of two languages counts for both.
LANGUAGES = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the of and to in is that it for was on are as with his they at be this have from or had by but not what "
        "all were we when your can said there use an each which she do how their if will up other about out many "
        "then them these so some her would make like him into time has look two more go see no way could my than "
        "been who its now did get may you i a he me us our am does also any because should very just only such",
        "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus "
        "er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber "
        "vor zur bis mehr durch man sein wurde wenn können ich kann sehr diese ihre unter wir",
        "fr": "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec ou "
        "son aux d'un cette comme mais on ont je vous nous leur été être sa ses tout fait elle deux même peut "
        "entre ces c'est n'est qu'il très",
        "es": "de la que el en y a los del se las por un para con no una su al es lo como más pero sus le ha me si sin "
        "sobre este ya entre cuando todo esta ser son dos también fue había era muy años hasta desde está mi "
        "porque qué",
        "it": "di e il la che in a per un è non una sono con da del si le dei come più al ma lo nel della alla i o gli "
        "anche ha delle questo se su ci sua essere dalla stato tra hanno molto quando",
        "pt": "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à "
        "seu sua ou ser quando muito há nos já está eu também só pelo pela até isso ela entre era depois sem "
        "mesmo",
        "nl": "de het een van en in is dat op te zijn met voor niet aan er om ook als dan maar bij of uit door over ze "
        "naar nog wel geen worden deze meer heeft hij je ik was wordt kan zich hun wij dit",
    }.items()
}
ENGLISH = LANGUAGES["en"]
for _at, _words in enumerate(LANGUAGES.values()):
    WORDS.flag(_words, 1 << _at)
# The longest first.
_ENDINGS_TEXT = "ational ations ation ments ment ingly ing edly ies ied ers ely es ed er ly s"
_ENDINGS = tuple(_ENDINGS_TEXT.split())


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """A word without its ending, so that "questions" and "questioned" are the same; not a word itself.

    >>> stem("deploying"), stem("deploys"), stem("services"), stem("retries")
    ('deplo', 'deplo', 'servic', 'retr')
    """
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            word = word[: -len(ending)]
            break
    return word.rstrip("ey") if len(word) > 4 else word

"""The words that a bag of words is made of, chosen from training texts and the lexicon."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from desire_edge.inputs.words import WordsInput
from desire_edge.lexicon import Lexicon, tokenize


def bag_of_words(texts: list[str], lexicon: Lexicon, size: int) -> tuple[WordsInput, NDArray[np.float32]]:
    """The vocabulary of raw text and its fixed embedding [features, d]: each word's vector times its idf.

    The words of the training `texts` come first, by the number of texts that hold them, then the lexicon's most
    frequent words, `size` in all: a device meets words that no training text held. The idf is log((1 + n) / (1 + df)).
    """
    document_frequency: dict[str, int] = {}
    for text in texts:
        for word in set(tokenize(text)):
            document_frequency[word] = document_frequency.get(word, 0) + 1
    known = [word for word in document_frequency if word in lexicon]
    known.sort(key=lambda word: (-document_frequency[word], word))
    # Only words that a text can produce: the lexicon also holds punctuation and forms the tokenizer splits.
    common = (word for word in lexicon.words_by_rank(2 * size) if tokenize(word) == [word])
    vocabulary = list(dict.fromkeys([*known, *common]))[:size]
    idf = [math.log((1 + len(texts)) / (1 + document_frequency.get(word, 0))) for word in vocabulary]
    vectors = lexicon.word_vectors(vocabulary) * np.asarray(idf, np.float32)[:, None]
    return WordsInput(tuple(vocabulary)), vectors

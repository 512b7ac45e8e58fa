/* fuzz_scenario_words.c - lines of a story: any text is cut into words and read as all a word
 * can be. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "app/scenario/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct words w;
    struct text t = { .n = 0 };
    if (size >= LINE_MAX) size = LINE_MAX - 1;
    memcpy(w.text, data, size);
    w.text[size] = '\0';
    if (!words_cut(&w)) return 0;
    for (unsigned i = 0; i < w.n; i++) {
        int64_t v;
        uint64_t us;
        unsigned minute;
        uint8_t date[5];
        (void)word_int(w.word[i], &v);
        (void)word_with_unit(w.word[i], "W", 3, &v);
        (void)word_duration(w.word[i], &us);
        (void)word_minute(w.word[i], &minute);
        (void)word_date(w.word[i], date);
        if (word_time(w.word[i], &v)) text_time(&t, v);
        text_put(&t, w.word[i]);
        text_int(&t, (int64_t)i - 20);
    }
    return t.n >= sizeof t.s;
}

#include "sts/form.h"

#include <stddef.h>

#include "sts/code.h"
#include "sts/judge.h"

#define RND_TID                                                                                \
    { STS_RND, 56, 4 },                                                                        \
    {                                                                                          \
        STS_TID, 32, 24                                                                        \
    }
#define REGISTER(class, sub, name)                                                             \
    {                                                                                          \
        class, sub, 0, 0, { RND_TID, { STS_VALUE, 16, 16 } }, name                             \
    }
#define CURRENCY(sub, name)                                                                    \
    {                                                                                          \
        0, sub, 0, 1,                                                                          \
            { { STS_SIGN, 59, 1 },                                                             \
              { STS_EXP_HIGH, 56, 3 },                                                         \
              { STS_TID, 32, 24 },                                                             \
              { STS_EXP_LOW, 30, 2 },                                                          \
              { STS_MANTISSA, 16, 14 } },                                                      \
            name                                                                               \
    }
#define KEY_PART                                                                               \
    {                                                                                          \
        STS_KEY_PART, 16, 32                                                                   \
    }

/* IEC 62055-41 6.2; layouts of the key change sections depend on the length of the key. */
const struct sts_form sts_forms[] = {
    REGISTER(0, 0, "electricity credit"),
    REGISTER(0, 1, "water credit"),
    REGISTER(0, 2, "gas credit"),
    REGISTER(0, 3, "time credit"),
    CURRENCY(4, "electricity currency credit"),
    CURRENCY(5, "water currency credit"),
    CURRENCY(6, "gas currency credit"),
    CURRENCY(7, "time currency credit"),
    { 1, 0, 0, 0, { { STS_CONTROL, 24, 36 }, { STS_MFR, 16, 8 } }, "test or display" },
    { 1, 1, 0, 0, { { STS_CONTROL, 32, 28 }, { STS_MFR, 16, 16 } }, "test or display" },
    REGISTER(2, 0, "set maximum power limit"),
    REGISTER(2, 1, "clear credit"),
    REGISTER(2, 2, "set tariff rate"),
    { 2,
      3,
      0,
      0,
      { { STS_KEN_HIGH, 56, 4 },
        { STS_KRN, 52, 4 },
        { STS_RO, 51, 1 },
        { STS_THIRD, 50, 1 },
        { STS_KT, 48, 2 },
        KEY_PART },
      "set first section of decoder key" },
    { 2,
      4,
      0,
      0,
      { { STS_KEN_LOW, 56, 4 }, { STS_TI, 48, 8 }, KEY_PART },
      "set second section of decoder key" },
    { 2, 5, 0, 0, { RND_TID, { STS_PAD, 16, 16 } }, "clear tamper condition" },
    REGISTER(2, 6, "set maximum phase power unbalance limit"),
    REGISTER(2, 7, "set water meter factor"),
    { 2,
      8,
      STS_EA_STA,
      0,
      { { STS_SGC, 36, 24 }, { STS_PAD, 16, 20 } },
      "set third section of decoder key" },
    { 2,
      8,
      STS_EA_MISTY1,
      0,
      { { STS_SGC_LOW, 48, 12 }, KEY_PART },
      "set third section of decoder key" },
    { 2,
      9,
      STS_EA_MISTY1,
      0,
      { { STS_SGC_HIGH, 48, 12 }, KEY_PART },
      "set fourth section of decoder key" },
    { 2, 10, 0, 0, { RND_TID, { STS_INDEX, 26, 6 }, { STS_DATA, 16, 10 } }, "extended token" },
    { 2,
      11,
      0,
      0,
      { RND_TID, { STS_INDEX, 28, 4 }, { STS_DATA, 16, 12 } },
      "manufacturer token" },
};

const int sts_form_count = sizeof sts_forms / sizeof *sts_forms;

const struct sts_form *sts_form_find(uint8_t class, uint8_t sub, uint8_t ea)
{
    for (int i = 0; i < sts_form_count; i++) {
        const struct sts_form *f = &sts_forms[i];
        if (f->class == class && f->sub == sub && (f->ea == 0 || f->ea == ea)) return f;
    }
    return NULL;
}

void sts_form_get(struct sts_fields *f, const struct sts_form *form, uint64_t block)
{
    *f = (struct sts_fields){ { 0 } };
    for (int i = 0; i < STS_FORM_FIELDS && form->part[i].field; i++)
        f->v[form->part[i].field] =
            block >> form->part[i].at & ((UINT64_C(1) << form->part[i].bits) - 1);
}

bool sts_is_authentic(uint8_t class, uint64_t block)
{
    bool is_currency = class == 0 && block >> 62 == 1; /* sub-classes 4 to 7 */
    uint16_t crc = is_currency ? sts_crc_c(class, block) : sts_crc(class, block);
    return crc == (uint16_t)block;
}

/* The file HOUSEHOLD as it comes, from household_text up to household_end. */
    .section .rodata
    .global household_text
    .global household_end
household_text:
    .incbin HOUSEHOLD
household_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits

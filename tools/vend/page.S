/* The files of page/ as they come. */
    .section .rodata
    .global vend_html, vend_html_end, vend_js, vend_js_end, vend_css, vend_css_end
vend_html:
    .incbin PAGE_HTML
vend_html_end:
    .byte 0
vend_js:
    .incbin PAGE_JS
vend_js_end:
    .byte 0
vend_css:
    .incbin PAGE_CSS
vend_css_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits

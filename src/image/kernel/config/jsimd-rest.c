/* Steps that libjpeg-turbo asks for and that stay with its portable C. */
#define NOT_HERE(name) int jsimd_can_##name(void) { return 0; }
NOT_HERE(rgb_ycc)
NOT_HERE(rgb_gray)
NOT_HERE(ycc_rgb565)
NOT_HERE(h2v1_downsample)
NOT_HERE(h2v2_downsample)
NOT_HERE(h2v2_smooth_downsample)
NOT_HERE(h2v2_upsample)
NOT_HERE(h2v1_upsample)
NOT_HERE(int_upsample)
NOT_HERE(h2v2_fancy_upsample)
NOT_HERE(h2v1_fancy_upsample)
NOT_HERE(h1v2_fancy_upsample)
NOT_HERE(h2v2_merged_upsample)
NOT_HERE(h2v1_merged_upsample)
NOT_HERE(huff_encode_one_block)
NOT_HERE(encode_mcu_AC_first_prepare)
NOT_HERE(encode_mcu_AC_refine_prepare)
NOT_HERE(convsamp)
NOT_HERE(convsamp_float)
NOT_HERE(fdct_islow)
NOT_HERE(fdct_ifast)
NOT_HERE(fdct_float)
NOT_HERE(quantize)
NOT_HERE(quantize_float)
NOT_HERE(idct_6x6)
NOT_HERE(idct_12x12)
NOT_HERE(idct_ifast)
NOT_HERE(idct_float)
int jsimd_c_can_null_convert(void) { return 0; }
/* Called from where the compiler does not see that they are not here. */
void jsimd_quantize(void) { __builtin_trap(); }
void jsimd_huff_encode_one_block(void) { __builtin_trap(); }

/* What all files of the kernel share. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <wasm_simd128.h>

typedef uint8_t u8;
typedef int8_t i8;
typedef int16_t i16;
typedef int32_t i32;
typedef int64_t i64;
typedef v128_t vec;

/* Makes a function callable from JavaScript. */
#define EXPORT(name) __attribute__((export_name(#name)))

/* Bytes behind every area that vectors may read and write beyond its end. */
#define SLACK 64

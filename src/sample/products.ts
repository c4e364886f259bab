import {
  drawBriefs,
  drawDress,
  drawJacket,
  drawJeans,
  drawKurta,
  drawShirt,
  drawShorts,
  drawSkirt,
  drawSocks,
  drawTee,
  drawTop,
  drawTrackPants,
  drawTrousers,
} from './draw-apparel.ts';
import {
  drawBackpack,
  drawBelt,
  drawCap,
  drawCushion,
  drawEarrings,
  drawFootball,
  drawGift,
  drawHandbag,
  drawLipstick,
  drawNailPolish,
  drawPerfume,
  drawSunglasses,
  drawTie,
  drawWallet,
  drawWatch,
} from './draw-accessories.ts';
import {
  drawCasualShoe,
  drawFlat,
  drawFlipFlops,
  drawFormalShoe,
  drawHeel,
  drawSandal,
  drawSportsShoe,
} from './draw-footwear.ts';
import type { Drawing } from './ink.ts';

/** Whom a product is for. */
export type Gender = 'Men' | 'Women' | 'Unisex' | 'Boys' | 'Girls';

/** A kind of product: its place in the catalogue's classes, how common it is for whom, and how it is drawn. */
export interface ProductKind {
  readonly masterCategory: string;
  readonly subCategory: string;
  readonly articleType: string;
  /** What titles call it. */
  readonly noun: string;
  readonly usages: readonly [string, ...string[]];
  readonly weights: Readonly<Partial<Record<Gender, number>>>;
  readonly draw: Drawing;
}

type Row = readonly [string, string, string, readonly [string, ...string[]], ProductKind['weights'], Drawing];

const EVERYDAY = ['Casual', 'Casual', 'Casual', 'Casual', 'Sports'] as const;
const CASUAL = ['Casual'] as const;
const OFFICE = ['Casual', 'Formal'] as const;
const ETHNIC = ['Ethnic'] as const;
const SPORTS = ['Sports'] as const;

const KINDS: Readonly<Record<string, readonly Row[]>> = {
  Apparel: [
    [
      'Topwear',
      'Tshirts',
      'T-shirt',
      EVERYDAY,
      { Men: 17, Women: 7, Boys: 40, Girls: 30, Unisex: 6 },
      drawTee,
    ],
    ['Topwear', 'Shirts', 'Shirt', OFFICE, { Men: 11, Women: 3, Boys: 12 }, drawShirt],
    ['Topwear', 'Tops', 'Top', CASUAL, { Women: 9, Girls: 25 }, drawTop],
    ['Topwear', 'Kurtas', 'Kurta', ETHNIC, { Women: 9, Men: 1 }, drawKurta],
    ['Topwear', 'Jackets', 'Jacket', EVERYDAY, { Men: 2, Women: 1, Boys: 4 }, drawJacket],
    ['Topwear', 'Sweatshirts', 'Sweatshirt', CASUAL, { Men: 2, Women: 1, Boys: 4, Girls: 3 }, drawJacket],
    ['Bottomwear', 'Jeans', 'Jeans', CASUAL, { Men: 3, Women: 2, Boys: 6, Girls: 4 }, drawJeans],
    ['Bottomwear', 'Trousers', 'Trousers', OFFICE, { Men: 3, Women: 1 }, drawTrousers],
    ['Bottomwear', 'Track Pants', 'Track Pants', SPORTS, { Men: 2, Women: 0.5, Boys: 3 }, drawTrackPants],
    ['Bottomwear', 'Shorts', 'Shorts', EVERYDAY, { Men: 2.4, Women: 0.8, Boys: 12, Girls: 3 }, drawShorts],
    ['Bottomwear', 'Skirts', 'Skirt', CASUAL, { Women: 1.2, Girls: 8 }, drawSkirt],
    ['Dress', 'Dresses', 'Dress', CASUAL, { Women: 6, Girls: 20 }, drawDress],
    ['Innerwear', 'Briefs', 'Briefs', CASUAL, { Men: 3, Women: 2 }, drawBriefs],
  ],
  Footwear: [
    [
      'Shoes',
      'Casual Shoes',
      'Casual Shoes',
      CASUAL,
      { Men: 9, Women: 1.6, Unisex: 6, Boys: 6 },
      drawCasualShoe,
    ],
    [
      'Shoes',
      'Sports Shoes',
      'Sports Shoes',
      SPORTS,
      { Men: 8, Women: 1.4, Unisex: 4, Girls: 2 },
      drawSportsShoe,
    ],
    ['Shoes', 'Formal Shoes', 'Formal Shoes', ['Formal'], { Men: 4 }, drawFormalShoe],
    ['Shoes', 'Heels', 'Heels', CASUAL, { Women: 6 }, drawHeel],
    ['Shoes', 'Flats', 'Ballerinas', CASUAL, { Women: 3, Girls: 6 }, drawFlat],
    ['Sandal', 'Sandals', 'Sandals', CASUAL, { Men: 2, Women: 1.5, Unisex: 2 }, drawSandal],
    ['Flip Flops', 'Flip Flops', 'Flip Flops', CASUAL, { Men: 2, Women: 1, Unisex: 6 }, drawFlipFlops],
  ],
  Accessories: [
    ['Watches', 'Watches', 'Watch', OFFICE, { Men: 6, Women: 5, Unisex: 12 }, drawWatch],
    ['Bags', 'Handbags', 'Handbag', CASUAL, { Women: 9 }, drawHandbag],
    ['Bags', 'Backpacks', 'Backpack', CASUAL, { Men: 0.6, Unisex: 34, Women: 0.5 }, drawBackpack],
    ['Wallets', 'Wallets', 'Wallet', CASUAL, { Men: 3, Women: 1.6 }, drawWallet],
    ['Belts', 'Belts', 'Belt', OFFICE, { Men: 3, Women: 0.5 }, drawBelt],
    ['Eyewear', 'Sunglasses', 'Sunglasses', CASUAL, { Men: 3, Women: 1.6, Unisex: 10 }, drawSunglasses],
    ['Headwear', 'Caps', 'Cap', EVERYDAY, { Men: 1, Unisex: 6 }, drawCap],
    ['Ties', 'Ties', 'Tie', ['Formal'], { Men: 1.4 }, drawTie],
    [
      'Jewellery',
      'Earrings',
      'Earrings',
      ['Casual', 'Ethnic', 'Party'],
      { Women: 3, Girls: 2 },
      drawEarrings,
    ],
    ['Socks', 'Socks', 'Socks', EVERYDAY, { Men: 2, Women: 0.7, Unisex: 2 }, drawSocks],
  ],
  'Personal Care': [
    ['Fragrance', 'Perfume and Body Mist', 'Perfume', CASUAL, { Men: 1.4, Women: 2 }, drawPerfume],
    ['Lips', 'Lipstick', 'Lipstick', CASUAL, { Women: 2.4 }, drawLipstick],
    ['Nails', 'Nail Polish', 'Nail Polish', CASUAL, { Women: 1.8 }, drawNailPolish],
  ],
  'Free Items': [
    ['Free Gifts', 'Free Gifts', 'Free Gift', CASUAL, { Women: 0.3, Unisex: 2, Men: 0.2 }, drawGift],
  ],
  'Sporting Goods': [['Sports Equipment', 'Footballs', 'Football', SPORTS, { Unisex: 3 }, drawFootball]],
  Home: [['Home Furnishing', 'Cushion Covers', 'Cushion Cover', ['Home'], { Unisex: 1 }, drawCushion]],
};

/** All kinds of products. */
export const PRODUCT_KINDS: readonly ProductKind[] = Object.entries(KINDS).flatMap(([masterCategory, rows]) =>
  rows.map(([subCategory, articleType, noun, usages, weights, draw]) => ({
    masterCategory,
    subCategory,
    articleType,
    noun,
    usages,
    weights,
    draw,
  })),
);

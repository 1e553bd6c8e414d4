import { inlineKeys, VERIFICATION_ALGORITHMS, type VerificationKeys } from '@countersign/resource-server'

/** Made once, one of each type; their private parts were thrown away. Nothing would be gained by having one. */
const JWKS = {
  keys: [
    {
      kty: 'EC',
      crv: 'P-256',
      x: 'XCfxtoeuhTvTj4VxS2UWb7JMseCc5E7vqgSt3JbOXuA',
      y: 'BVOdzl9U3X-ZUUONOKAbi-vPNjiEX_RvizduB4-34mI',
    },
    {
      kty: 'EC',
      crv: 'P-384',
      x: 'EjQ8BfSsaNOhJJ1rS5Kjr5qzyjcmOI3L49mSAQ9U8we43pxWySIJzhm1Pewio6cX',
      y: 'HUqPtZMzfYCj9siBoQrZVh-u2f1ez9RPInogrTCR7ViTZodHYXW5eOh_Rwf-mdY8',
    },
    {
      kty: 'EC',
      crv: 'P-521',
      x: 'AdM6oF9xRY6VQtIMsXVdeMPb9VoV1kI-GRt8wlwdBWksTWdaEaMIhwoYgX26iZpt4q0M5VMTL-flITaLJHgmOtFt',
      y: 'Ac7mA8vEMfQbcKoKqv-0DkxTi0PqFDFygqEemiSWOhnWEJZRVQsmknfAoekye4RaCLy2zrHcoRWGtUW8oKD8N2yo',
    },
    {
      kty: 'OKP',
      crv: 'Ed25519',
      x: 'PYmSu1J70L_3dACAdDEsIR8zH_aGw8y6bqiCnQHtKa8',
    },
    {
      kty: 'RSA',
      n: '5l0O6dH1OOKZWoTM3uWcP1RgFwS3rEL-9m_tQP1awMpo3zZPYNUNBiRsm7K9pI2-aXtZOyv-glGfXf8xKmKO9S-e2Lw2QEGuPzf1l0xrkgdeajXiu2L1q0045HLeZKaN3cJqXQAQ0FET65FTVJHksxyRXjLFYMHL7yBep4T89PdQEtTdBWi9tN5end1c1QbkhYelCo2SqaEl89yb25ZB5hA_aDmvmFAdplwHMVDYDiSCQdFDbNh1xYMdHcfRRPSTKTCN-BBYDSsC2DTdg-t-yCnP9KG9D_kHlGh9peFPUYetASy06Em6Pd1lzQANpxAskxugICoYw8IqFhvXyuE6iQ',
      e: 'AQAB',
    },
  ],
}

/**
 * Keys of nobody, one for each algorithm: an assertion for which there is no registered key is checked with one of these,
 * so that it takes as long as any other. It is refused whatever comes out.
 */
export function keysOfNobody(): VerificationKeys {
  return inlineKeys({ jwks: JWKS, algorithms: Object.keys(VERIFICATION_ALGORITHMS) })
}

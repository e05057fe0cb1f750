using System.Runtime.Intrinsics;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>
/// The table E of three sources written out (u_β = Σ_s E_βs m_s), for sixteen cells at once. Subsets are numbered by
/// their bits (F, C, FC, L, FL, CL, FCL), antichains as in the lattice; that it is the lattice's table is tested.
/// </summary>
internal static unsafe class ThreeSources
{
    private const int Lanes = 16;

    /// <summary>The union masses of all 18 antichains, for both outputs in turn, from the masses of the subsets.</summary>
    public static void Unite(float* fired, float* silent, float* unions)
    {
        Unite(fired, unions);
        Unite(silent, unions + Lanes);
    }

    /// <summary>Sums by subset, Σ_β E_βs q_β, of what the antichains have to share.</summary>
    public static void Share(float* termShares, float* shares)
    {
        Vector512<float> fAndCAndL = Term(0);
        Vector512<float> fAndC = Term(1);
        Vector512<float> fAndL = Term(2);
        Vector512<float> cAndL = Term(3);
        Vector512<float> fAndCL = Term(4);
        Vector512<float> cAndFL = Term(5);
        Vector512<float> lAndFC = Term(6);
        Vector512<float> pairs = Term(10);
        Vector512<float> fcAndFL = Term(11);
        Vector512<float> fcAndCL = Term(12);
        Vector512<float> flAndCL = Term(13);
        Subset(0, Term(7) + fAndCAndL + fAndC + fAndL + fAndCL); // F
        Subset(1, Term(8) + fAndCAndL + fAndC + cAndL + cAndFL); // C
        Subset(3, Term(9) + fAndCAndL + fAndL + cAndL + lAndFC); // L
        Subset(2, Term(14) - fAndCAndL - fAndC + lAndFC + pairs + fcAndFL + fcAndCL); // FC
        Subset(4, Term(15) - fAndCAndL - fAndL + cAndFL + pairs + fcAndFL + flAndCL); // FL
        Subset(5, Term(16) - fAndCAndL - cAndL + fAndCL + pairs + fcAndCL + flAndCL); // CL
        Subset(6, Term(17) + fAndCAndL - fAndCL - cAndFL - lAndFC - pairs - pairs - fcAndFL - fcAndCL - flAndCL); // FCL

        Vector512<float> Term(int antichain) => Vector512.Load(termShares + antichain * Lanes);
        void Subset(int subset, Vector512<float> share) => share.Store(shares + subset * Lanes);
    }

    private static void Unite(float* masses, float* unions)
    {
        Vector512<float> f = Vector512.Load(masses);
        Vector512<float> c = Vector512.Load(masses + Lanes);
        Vector512<float> fc = Vector512.Load(masses + 2 * Lanes);
        Vector512<float> l = Vector512.Load(masses + 3 * Lanes);
        Vector512<float> fl = Vector512.Load(masses + 4 * Lanes);
        Vector512<float> cl = Vector512.Load(masses + 5 * Lanes);
        Vector512<float> fcl = Vector512.Load(masses + 6 * Lanes);
        Antichain(0, f + c + l - fc - fl - cl + fcl); // {F}{C}{L}
        Antichain(1, f + c - fc); // {F}{C}
        Antichain(2, f + l - fl); // {F}{L}
        Antichain(3, c + l - cl); // {C}{L}
        Antichain(4, f + cl - fcl); // {F}{CL}
        Antichain(5, c + fl - fcl); // {C}{FL}
        Antichain(6, l + fc - fcl); // {L}{FC}
        Antichain(7, f); // {F}
        Antichain(8, c); // {C}
        Antichain(9, l); // {L}
        Antichain(10, fc + fl + cl - fcl - fcl); // {FC}{FL}{CL}
        Antichain(11, fc + fl - fcl); // {FC}{FL}
        Antichain(12, fc + cl - fcl); // {FC}{CL}
        Antichain(13, fl + cl - fcl); // {FL}{CL}
        Antichain(14, fc); // {FC}
        Antichain(15, fl); // {FL}
        Antichain(16, cl); // {CL}
        Antichain(17, fcl); // {FCL}

        void Antichain(int antichain, Vector512<float> union) => union.Store(unions + 2 * antichain * Lanes);
    }
}

using System.Reflection;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Tests.Architecture;

/// <summary>
/// No number that libtorch reads can be collected meanwhile: <see cref="HeldScalar"/> alone makes them, and of TorchSharp's
/// methods those that make some by themselves are not called.
/// </summary>
[TestClass]
public sealed class HeldScalarTests
{
    private const BindingFlags Declared =
        BindingFlags.Public
        | BindingFlags.NonPublic
        | BindingFlags.Instance
        | BindingFlags.Static
        | BindingFlags.DeclaredOnly;

    // As far as one method of TorchSharp calls another one.
    private const int Depth = 4;

    [TestMethod]
    public void Numbers_for_libtorch_are_held_while_it_reads_them()
    {
        string[] found =
        [
            .. typeof(InfomorphicNetwork)
                .Assembly.GetTypes()
                .Where(type => TypeUses.Outermost(type) != typeof(HeldScalar))
                .SelectMany(UnheldIn),
        ];

        Assert.IsEmpty(found, string.Join('\n', found));
    }

    // What the test above finds if there is something.
    [TestMethod]
    public void A_number_that_nobody_holds_is_found()
    {
        string[] found = [.. UnheldIn(typeof(Careless))];

        Assert.HasCount(3, found, string.Join('\n', found));
        StringAssert.StartsWith(found[0], "Careless.Double makes a Scalar");
        StringAssert.StartsWith(found[1], "Careless.Halve calls Tensor.op_Multiply");
        StringAssert.StartsWith(found[2], "Careless.Sum calls Tensor.op_Addition");
    }

    [TestMethod]
    public void Whole_numbers_stay_whole()
    {
        Assert.AreEqual(ScalarType.Float64, HeldScalar.Of(0.5f).Type);
        Assert.AreEqual(ScalarType.Int64, HeldScalar.Of(5).Type);
        Assert.AreEqual(1, HeldScalar.One.ToInt32());
        Assert.AreEqual(-1, HeldScalar.MinusOne.ToInt32());
    }

    private static IEnumerable<string> UnheldIn(Type type)
    {
        foreach (MethodBase method in type.GetMembers(Declared).OfType<MethodBase>())
        foreach (MethodBase called in MethodCode.Members(method).OfType<MethodBase>())
        {
            string name = $"{type.Name}.{method.Name}";
            if (MakesScalar(called))
                yield return $"{name} makes a Scalar: {nameof(HeldScalar)} does, and holds it.";
            else if (IsTorchSharps(called) && MakesScalarInside(called, Depth, []))
                yield return $"{name} calls {called.DeclaringType!.Name}.{called.Name}, which makes a Scalar by itself: another overload takes one.";
        }
    }

    private static bool MakesScalarInside(MethodBase method, int depth, HashSet<MethodBase> seen) =>
        seen.Add(method)
        && MethodCode
            .Members(method)
            .OfType<MethodBase>()
            .Any(called =>
                MakesScalar(called) || depth > 0 && IsTorchSharps(called) && MakesScalarInside(called, depth - 1, seen)
            );

    // An operation, or what leads to one; not how tensors are written as text, and the like.
    private static bool IsTorchSharps(MethodBase method) =>
        method.DeclaringType is Type type
        && (type == typeof(Tensor) || type == typeof(torch) || type == typeof(linalg));

    private static bool MakesScalar(MethodBase method) =>
        method.DeclaringType == typeof(ScalarExtensionMethods)
        || method.DeclaringType == typeof(Scalar) && method.Name == "op_Implicit";

    private static class Careless
    {
        public static Tensor Double(Tensor tensor) => tensor.mul(2f);

        public static Tensor Halve(Tensor tensor) => tensor * 0.5f;

        public static Tensor Sum(Tensor left, Tensor right) => left + right;
    }
}

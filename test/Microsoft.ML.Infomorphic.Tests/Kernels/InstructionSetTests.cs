using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Microsoft.ML.Infomorphic.Tests.Root;
using Microsoft.ML.Infomorphic.Tests.Scoring;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Tests.Training.Torch;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

// Vector512 becomes AVX-512, pairs of AVX2 registers, or portable code when a process starts. The tests of the kernels
// run again in processes in which the runtime is told to do without, each of which takes seconds.
[TestClass]
public class InstructionSetTests
{
    private const string Argument = "--kernels";

    // They compare with libtorch, which looks for instructions by itself.
    private static readonly Type[] s_withLibtorch =
    [
        typeof(ScalarNeuronTests),
        typeof(TensorGoalTests),
        typeof(TensorPhiloxTests),
    ];

    // All that are beside this one, and those of kernels that are elsewhere.
    private static readonly Type[] s_suites =
    [
        .. typeof(InstructionSetTests)
            .Assembly.GetTypes()
            .Where(type =>
                type.Namespace == typeof(InstructionSetTests).Namespace
                && type.GetCustomAttribute<TestClassAttribute>() is not null
                && type != typeof(InstructionSetTests)
                && !s_withLibtorch.Contains(type)
            ),
        typeof(NetworkScorerTests),
        typeof(NetworkScorerBlocksTests),
        typeof(DeepScoringTests),
        typeof(StepSignsTests),
        typeof(ParameterTests),
    ];

    [TestMethod]
    [DataRow("DOTNET_EnableAVX512", "AVX-512: False")]
    [DataRow("DOTNET_EnableAVX2", "AVX-512: False, AVX2: False")]
    [DataRow("DOTNET_EnableHWIntrinsic", "AVX-512: False, AVX2: False, Vector128: False")]
    public async Task Kernels_pass_their_tests_without_instructions(string instructions, string expected)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList = { "exec", typeof(InstructionSetTests).Assembly.Location, Argument },
            Environment = { [instructions] = "0" },
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.AreEqual(0, process.ExitCode, await output + await error);
        Assert.StartsWith(expected, await output);
        Assert.Contains("Passed:", await output);
    }

    /// <summary>Runs the suites; what the test assembly does when it is started as a program.</summary>
    internal static int Main(string[] arguments)
    {
        if (arguments is [RepeatedTraining.Argument, string fits])
            return RepeatedTraining.Run(int.Parse(fits, CultureInfo.InvariantCulture));
        if (arguments is [MemoryBudgetTests.Argument])
            return MemoryBudgetTests.Measure();
        if (arguments is [MemoryBudgetTests.SparseArgument])
            return MemoryBudgetTests.MeasureSparse();
        if (arguments is [LibTorchFolderTests.Argument, .. string[] rest])
            return LibTorchFolderTests.Run(mayFallBack: rest.Length > 0);
        if (arguments is not [Argument])
        {
            Console.Error.WriteLine("Run these tests with: dotnet test");
            return 2;
        }

        Console.WriteLine(
            $"AVX-512: {Avx512F.IsSupported}, AVX2: {Avx2.IsSupported}, Vector128: {Vector128.IsHardwareAccelerated}"
        );
        int passed = 0;
        int failed = 0;
        foreach (Type suite in s_suites)
        foreach (MethodInfo test in suite.GetMethods())
        {
            // Those that run alone measure memory, which instructions have no part in.
            if (
                test.GetCustomAttribute<TestMethodAttribute>() is null
                || test.GetCustomAttribute<DoNotParallelizeAttribute>() is not null
            )
                continue;
            object?[]?[] rows =
            [
                .. test.GetCustomAttributes().OfType<ITestDataSource>().SelectMany(source => source.GetData(test)),
            ];
            foreach (object?[]? row in rows.Length == 0 ? [null] : rows)
            {
                try
                {
                    test.Invoke(Activator.CreateInstance(suite), row);
                    passed++;
                }
                catch (TargetInvocationException exception)
                {
                    failed++;
                    Console.WriteLine(
                        $"{suite.Name}.{test.Name}({string.Join(", ", row ?? [])}): {exception.InnerException}"
                    );
                }
            }
        }

        Console.WriteLine($"Passed: {passed}, failed: {failed}");
        return failed == 0 && passed > 0 ? 0 : 1;
    }
}
